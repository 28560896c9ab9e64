"""A folder for a store, and runs to put in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.runs import RunStore

ROOT = Path(__file__).parents[3]

PLAYER = (sys.executable, "-W", "error", Path(__file__).with_name("player.py"))

Player = subprocess.Popen


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "store")


@pytest.fixture
def play(store: RunStore) -> Iterator[Callable[..., Player]]:
    """Start a process that plays a part of player.py on the test's store."""
    players = []

    def start(part: str, *numbers: int) -> Player:
        player = subprocess.Popen(
            [*PLAYER, part, store.folder, *map(str, numbers)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        players.append(player)
        return player

    yield start
    for player in players:
        player.kill()
        player.communicate()
