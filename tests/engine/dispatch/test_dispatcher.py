"""Runs handed to executors that do as they are told: the same results, none lost, in one store."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import experiment
from engine.dispatch import Dispatcher, Workers, WorkersLost, silent
from engine.dispatch.dispatcher import MOST_LOSSES
from engine.events import Cancelled, Diverged, Failed, Finished
from engine.experiment import complete
from engine.graphs import Graph, keep_own
from engine.integer import AccumulatorOverflow
from engine.runs import RunStore
from engine.spec import GraphSpec, RunSpec, TrainingSpec, float_twin, scheme

KARATE = GraphSpec(name="karate")
SHORT = TrainingSpec(epochs=4)
LAST = (Finished, Cancelled, Diverged, Failed)
ONE: Workers = silent(partial(ThreadPoolExecutor, 1))


def runs(count: int, training: TrainingSpec = SHORT) -> list[RunSpec]:
    return [scheme("qat", graph=KARATE, training=training, seed=seed) for seed in range(count)]


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "store")


def endings(specs: list[RunSpec], store: RunStore, workers: Workers = ONE) -> dict[str, Any]:
    """Return how each run ended, by its key."""
    with Dispatcher(workers, store) as dispatcher:
        dispatcher.begin(specs)
        told = [(spec.key, event) for spec, event in dispatcher.follow()]
    ended = [(key, event) for key, event in told if isinstance(event, LAST)]
    assert sorted(key for key, _ in ended) == sorted(spec.key for spec in specs)
    return dict(ended)


def same(spec: RunSpec, store: RunStore, other: RunStore) -> bool:
    """Return whether two stores have the same numbers of a run, but for times."""
    one, two = (of.answer(spec.key) for of in (store, other))
    assert one is not None
    assert two is not None
    timed = {"latency", "epoch_ms"}
    numbers = [{n: m for n, m in run.metrics.items() if n not in timed} for run in (one, two)]
    assert list(one.arrays) == list(two.arrays)
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, two.arrays[name])
    return numbers[0] == numbers[1] and one.spec == two.spec and list(one.files) == list(two.files)


def test_runs_are_those_of_one_process(tmp_path: Path, store: RunStore) -> None:
    here = RunStore(tmp_path / "here")
    specs = runs(3)
    ended = endings(specs, store)
    for spec in specs:
        complete(spec, here)
        assert same(spec, store, here)
        assert ended[spec.key].run.metrics == store.answer(spec.key).metrics


def test_what_the_store_answers_is_not_carried_out(store: RunStore) -> None:
    specs = runs(2)
    endings(specs, store)

    def forbidden() -> Any:
        raise AssertionError("nobody is needed")

    assert set(endings(specs, store, forbidden)) == {spec.key for spec in specs}


def test_a_float_twin_is_trained_once_and_kept(tmp_path: Path, store: RunStore) -> None:
    finetuned = replace(SHORT, mode="finetune")
    specs = [scheme("qat", bits=bits, graph=KARATE, training=finetuned) for bits in (8, 4)]
    twin = float_twin(specs[0])
    taken = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *given: Any, **named: Any) -> Future[Any]:
            taken.append(given[1])
            return super().submit(*given, **named)

    endings(specs, store, silent(partial(Counting, 2)))
    assert len(taken) == 3
    assert '"float"' in taken[0]
    here = RunStore(tmp_path / "here")
    for spec in (*specs, twin):
        complete(spec, here)
        assert same(spec, store, here)


def test_a_float_twin_that_is_asked_for_too_is_told(store: RunStore) -> None:
    spec = scheme("qat", graph=KARATE, training=replace(SHORT, mode="finetune"))
    for specs in ([float_twin(spec), spec], [spec, float_twin(spec)]):
        assert len(endings(specs, store)) == 2
        for made in specs:
            store.delete(made.key)


def test_a_graph_of_ones_own_travels(tmp_path: Path, store: RunStore, karate: Graph) -> None:
    here = RunStore(tmp_path / "here")
    own = keep_own(replace(karate, name="mine"), store.folder)
    keep_own(replace(karate, name="mine"), here.folder)
    spec = scheme("qat", graph=own, training=SHORT)
    endings([spec], store)
    complete(spec, here)
    assert same(spec, store, here)


def test_a_graph_that_is_not_there_is_said(store: RunStore) -> None:
    spec = scheme("qat", graph=GraphSpec(name=f"own:{'0' * 64}"), training=SHORT)
    with pytest.raises(ValueError, match="is not kept in"):
        endings([spec], store)


def test_how_a_run_ends_without_a_result_is_told(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spec,) = runs(1)
    fit = experiment.fit_narrowing

    def diverging(*given: Any) -> Any:
        yield next(fit(*given))
        raise experiment.training.Diverged("the loss is nan after 1 epoch")

    monkeypatch.setattr(experiment, "fit_narrowing", diverging)
    ending = endings([spec], store)[spec.key]
    assert ending == Diverged(key=spec.key, note="The loss is nan after 1 epoch.")
    assert store.find(spec.key).status == "diverged"
    finetuned = replace(spec, training=replace(SHORT, mode="finetune"))
    assert isinstance(endings([finetuned], store)[finetuned.key], Diverged)

    def overflowing(*_: Any) -> Any:
        raise AccumulatorOverflow("stage 1 needs 70 bits")

    monkeypatch.setattr(experiment, "fit_narrowing", fit)
    monkeypatch.setattr(experiment, "export", overflowing)
    assert endings([spec], store)[spec.key] == Failed(key=spec.key, note="stage 1 needs 70 bits")
    assert store.find(spec.key).status == "failed"


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


class Refusing(ThreadPoolExecutor):
    """An executor that is lost before it takes anything."""

    def submit(self, *_given: Any, **_named: Any) -> Future[Any]:
        raise BrokenExecutor("a worker is gone")


class Dropping(ThreadPoolExecutor):
    """An executor that cancels by itself whatever it is given."""

    def submit(self, *_given: Any, **_named: Any) -> Future[Any]:
        dropped: Future[Any] = Future()
        dropped.cancel()
        return dropped


def test_what_a_lost_worker_had_is_begun_again(store: RunStore) -> None:
    ended = endings(runs(3), store, silent(Losing))
    assert all(isinstance(event, Finished) for event in ended.values())


@pytest.mark.parametrize("kind", [Refusing, Dropping])
def test_workers_that_are_lost_again_and_again_are_given_up(
    store: RunStore, kind: Callable[[int], Executor]
) -> None:
    opened = []

    def lost() -> Executor:
        opened.append(kind(1))
        return opened[-1]

    with pytest.raises(WorkersLost, match=f"lost {MOST_LOSSES} times before any .* of 2 runs"):
        endings(runs(2), store, silent(lost))
    assert len(opened) == MOST_LOSSES


def test_what_is_left_is_cancelled(store: RunStore) -> None:
    specs = runs(4)
    stop = False
    ended: dict[str, Any] = {}
    with Dispatcher(ONE, store) as dispatcher:
        dispatcher.begin(specs)
        for spec, event in dispatcher.follow(lambda: stop):  # noqa: B023
            stop = True
            ended[spec.key] = event
    kinds = [type(ended[spec.key]) for spec in specs]
    assert kinds[0] is Finished
    assert kinds[-1] is Cancelled
    assert len(store.list(status="finished")) == kinds.count(Finished)


def test_an_error_of_a_run_is_raised(store: RunStore) -> None:
    specs = [scheme("qat", graph=GraphSpec(name="digits-slant"), training=SHORT)]
    with pytest.raises(ValueError, match="pool"):
        endings(specs, store)
