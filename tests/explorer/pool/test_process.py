"""The pool's process: what it makes of nonsense on its socket, and how many runs it keeps."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.runs import RunStore
from engine.spec import RunSpec, encode
from explorer.pool.__main__ import MOST_COMMAND_BYTES, _thin
from explorer.pool.keeper import Keeper

ROOT = Path(__file__).parents[3]
STAND_IN = ROOT / "tests" / "explorer" / "stand_in_worker.py"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[Path]:
    """Return where a pool with a stand-in for its worker listens."""
    path = tmp_path / "pool"
    command = [sys.executable, "-m", "explorer.pool", "--store", str(tmp_path / "store")]
    command += ["--listen", str(path), "--", sys.executable, str(STAND_IN)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while not listens(path):
            assert time.monotonic() < until
            time.sleep(0.01)
        yield path
        process.stdin.close()
        assert process.wait(30) == 0


def listens(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError:  # no such file yet, or bound and not yet listening
            return False
    return True


def say(address: Path, text: bytes) -> list[dict[str, object]]:
    """Return what a visitor hears who says something, until it is failed, finished, or left."""
    heard = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(address))
        try:
            connection.sendall(text)
            with connection.makefile("r") as lines:
                for line in lines:
                    heard.append(json.loads(line))
                    if heard[-1]["event"] in ("failed", "finished"):
                        break
        except ConnectionError:
            pass
    return heard


def test_nonsense_disturbs_only_who_says_it(address: Path) -> None:
    for nonsense in (b"\n", b"hello\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"id": 1e999}\n'):
        assert say(address, nonsense)[-1]["event"] == "failed"
    assert all(event["event"] == "pool" for event in say(address, b"x" * (MOST_COMMAND_BYTES + 9)))
    command = {"id": "a", "command": "run", "spec": encode(RunSpec(seed=1))}
    assert say(address, json.dumps(command).encode() + b"\n")[-1]["event"] == "finished"


def test_the_oldest_runs_give_way(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    for seed in range(4):
        with store.begin(RunSpec(seed=seed)) as pending:
            pending.finish({}, {})
    _thin(tmp_path, 2)
    assert [run.spec.seed for run in store.list()] == [3, 2]
    _thin(tmp_path, 2)
    assert len(store.list()) == 2


def test_a_keeper_starts_another_pool_and_ends_the_last(tmp_path: Path) -> None:
    address = tmp_path / "pool"
    with Keeper(address, tmp_path / "store") as keeper:
        first = keeper._process
        assert first is not None
        first.kill()
        until = time.monotonic() + 30
        while keeper._process is first:
            assert time.monotonic() < until
            time.sleep(0.01)
        second = keeper._process
        assert second.poll() is None
    assert second.wait(30) == 0
