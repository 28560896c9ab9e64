"""Workers: the same trials, whoever carries them out and however many do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.dispatch import Dispatcher, cluster, processes, silent
from engine.runs import RunStore
from engine.search import METHODS, SearchLog, SearchSpec, Trial
from engine.searching import Answered, Progress, Stopped, Tried, search

Asked = Callable[..., SearchSpec]


def untimed(trials: Sequence[Trial]) -> list[Trial]:
    return [replace(trial, seconds=0, latency_ms=None) for trial in trials]


def ended(spec: SearchSpec, store: RunStore, **given: Any) -> list[Trial]:
    *_, ending = search(spec, store, **given)
    assert isinstance(ending, Answered)
    log = SearchLog(spec, store.folder)
    assert log.is_over
    assert log.proposals == tuple(trial.proposal for trial in ending.trials)
    return untimed(ending.trials)


@pytest.mark.parametrize(("method", "count"), [*((m, 3) for m in METHODS), ("nsga2", 1)])
def test_any_number_of_workers_finds_the_same(
    tmp_path: Path, store: RunStore, asked: Asked, method: str, count: int
) -> None:
    spec = asked(method, trainings=14 if method == "greedy" else 6)
    workers = silent(partial(ThreadPoolExecutor, count))
    found = ended(spec, store, workers=workers)
    assert found == ended(spec, RunStore(tmp_path / "here"))


def test_processes_find_the_same(tmp_path: Path, store: RunStore, asked: Asked) -> None:
    spec = asked("tpe", trainings=4, batch=2)
    events = list(search(spec, store, workers=processes(2)))
    assert any(isinstance(event, Progress) for event in events)
    assert untimed(events[-1].trials) == ended(spec, RunStore(tmp_path / "here"))


def test_a_cluster_finds_the_same_and_its_records_come_back(
    tmp_path: Path, store: RunStore, asked: Asked, dask_cluster: str
) -> None:
    spec = asked("lpgnas", trainings=4)
    events = list(search(spec, store, workers=cluster(dask_cluster)))
    assert any(isinstance(event, Progress) for event in events)
    assert untimed(events[-1].trials) == ended(spec, RunStore(tmp_path / "here"))
    for trial in events[-1].trials:
        assert store.answer(trial.spec.key).folder.parent == store.folder / "runs"


@pytest.mark.parametrize("method", ["uniform", "random", "lpgnas", "greedy"])
def test_what_does_not_depend_on_one_another_is_under_way_at_once(
    store: RunStore, asked: Asked, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    begun: list[int] = []
    begin = Dispatcher.begin

    def counted(self: Dispatcher, specs: Any) -> None:
        specs = list(specs)
        begun.append(len(self._asked) + len(specs))
        begin(self, specs)

    monkeypatch.setattr(Dispatcher, "begin", counted)
    monkeypatch.setattr(Dispatcher, "told", lambda self: iter(()))
    monkeypatch.setattr(Dispatcher, "follow", lambda self, cancelled: iter([]))
    spec = asked(method, trainings=14 if method == "greedy" else 6)
    with pytest.raises(KeyError):  # nothing has ended
        ended(spec, store, workers=silent(partial(ThreadPoolExecutor, 1)))
    assert max(begun) > 1


def test_workers_are_stopped(store: RunStore, asked: Asked) -> None:
    spec = asked("random", trainings=6)
    stop = False
    event: Any = None
    one = silent(partial(ThreadPoolExecutor, 1))
    for event in search(spec, store, lambda: stop, workers=one):  # noqa: B023
        stop = stop or isinstance(event, Tried)
    assert event == Stopped(key=spec.key)
    assert 1 <= len(SearchLog(spec, store.folder).trials) < 6
    found = ended(spec, store, workers=one)
    assert len({trial.proposal.number for trial in found}) == 6
