"""Workers: the same trials, whoever carries them out, and none lost with a worker."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunStore
from engine.search import SearchLog, SearchSpec, Trial
from engine.searching import Answered, Stopped, Tried, search
from engine.searching.trials import MOST_LOSSES
from engine.searching.workers import processes

Asked = Callable[..., SearchSpec]


def ended(spec: SearchSpec, store: RunStore, **given: Any) -> list[Trial]:
    *_, ending = search(spec, store, **given)
    assert isinstance(ending, Answered)
    return [replace(trial, seconds=0) for trial in ending.trials]


def test_processes_find_the_same(tmp_path: Path, store: RunStore, asked: Asked) -> None:
    spec = asked("tpe", trainings=4, batch=2)
    found = ended(spec, store, workers=partial(processes, 2))
    assert found == ended(spec, RunStore(tmp_path / "here"))


class Losing(ThreadPoolExecutor):
    """An executor that is lost at its second piece of work."""

    def __init__(self) -> None:
        super().__init__(1)
        self._taken = 0

    def submit(self, *given: Any, **named: Any) -> Future[Any]:
        self._taken += 1
        if self._taken <= 1:
            return super().submit(*given, **named)
        lost: Future[Any] = Future()
        lost.set_exception(BrokenExecutor("a worker is gone"))
        return lost


class Lost(ThreadPoolExecutor):
    """An executor that is always lost."""

    def submit(self, *_given: Any, **_named: Any) -> Future[Any]:
        lost: Future[Any] = Future()
        lost.set_exception(BrokenExecutor("a worker is gone"))
        return lost


def test_what_a_lost_worker_had_is_done_again(
    tmp_path: Path, store: RunStore, asked: Asked
) -> None:
    spec = asked("random", trainings=3)
    assert ended(spec, store, workers=Losing) == ended(spec, RunStore(tmp_path / "here"))


def test_workers_that_are_lost_again_and_again_end_the_search(
    store: RunStore, asked: Asked
) -> None:
    opened = []

    def lost() -> Executor:
        opened.append(1)
        return Lost(1)

    with pytest.raises(BrokenExecutor):
        ended(asked("random", trainings=2), store, workers=lost)
    assert len(opened) == MOST_LOSSES


def test_workers_are_stopped(store: RunStore, asked: Asked) -> None:
    spec = asked("random", trainings=6)
    stop = False
    event: Any = None
    one = partial(ThreadPoolExecutor, 1)
    for event in search(spec, store, lambda: stop, workers=one):  # noqa: B023
        stop = stop or isinstance(event, Tried)
    assert event == Stopped(key=spec.key)
    assert 1 <= len(SearchLog(spec, store.folder).trials) < 6
