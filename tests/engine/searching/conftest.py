"""Searches small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunStore
from engine.search import METHODS, Budget, SearchSpec, Space
from engine.spec import GraphSpec, TrainingSpec

KARATE = Space(graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=4))


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "store")


@pytest.fixture
def asked() -> Callable[..., SearchSpec]:
    """Return a function that makes a search by a method's name."""

    def made(
        name: str, trainings: float = 5, space: Space = KARATE, seed: int = 0, **of: Any
    ) -> SearchSpec:
        budget = Budget(trainings=trainings)
        return SearchSpec(space=space, method=METHODS[name](**of), budget=budget, seed=seed)

    return made
