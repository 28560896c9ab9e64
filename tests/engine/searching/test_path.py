"""The path of a search: what every method keeps to, what is written down, and going on after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.events import Diverged
from engine.experiment import complete
from engine.runs import RunStore, StoreError
from engine.search import METHODS, SearchLog, SearchSpec, Space, Trial, best, front
from engine.searching import Answered, Looking, Proposed, Stopped, Tried, answer, search
from engine.searching import trials as carried_out
from engine.spec import GraphSpec, ModelSpec, RunSpec, SpecError, TrainingSpec, canonical

Asked = Callable[..., SearchSpec]

SHAPES = Space(
    graph=GraphSpec(name="karate"),
    training=TrainingSpec(epochs=4),
    operators=("gcn", "sage", "appnp"),
    hidden=(8, 4),
    layers=(2, 3),
    steps=(2,),
    residual=(False, True),
)


def ended(spec: SearchSpec, store: RunStore, **given: Any) -> tuple[Trial, ...]:
    *_, ending = search(spec, store, **given)
    assert isinstance(ending, Answered)
    return ending.trials


@pytest.mark.parametrize("name", METHODS)
def test_a_search_spends_its_budget_on_runs_of_its_space(
    store: RunStore, asked: Asked, name: str
) -> None:
    # greedy looks at 13 components at 3 widths: 39 steps of 4 in a training
    spec = asked(name, trainings=14 if name == "greedy" else 6)
    events = list(search(spec, store))
    assert isinstance(events[-1], Answered)
    trials = events[-1].trials
    assert [trial.proposal.number for trial in trials] == list(range(len(trials)))
    assert len(trials) >= 2
    tried = [event for event in events if isinstance(event, Tried)]
    assert tried[-1].spent == pytest.approx(sum(trial.cost for trial in trials))
    repeats = len(trials) - len({trial.spec.key for trial in trials})
    assert tried[-1].spent <= spec.budget.trainings < tried[-1].spent + repeats + 1.5
    for trial in trials:
        spec.space.chosen(trial.spec)
        metrics = complete(trial.spec, store).metrics
        assert trial.validation == metrics["accuracy"]["validation"]
        assert trial.model_bytes == metrics["size"]["model_bytes"]
    log = SearchLog(spec, store.folder)
    assert log.trials == trials
    assert log.proposals == tuple(trial.proposal for trial in trials)


@pytest.mark.parametrize("name", ["lpgnas", "relaxed", "random", "nsga2", "sgquant"])
def test_a_search_is_decided_by_its_spec(
    tmp_path: Path, store: RunStore, asked: Asked, name: str
) -> None:
    def found(seed: int, where: RunStore) -> list[tuple[str, float]]:
        trials = ended(asked(name, trainings=4, seed=seed), where)
        return [(trial.spec.key, trial.validation) for trial in trials]

    first = found(0, store)
    assert found(0, RunStore(tmp_path / "another")) == first
    assert found(1, store) != first


@pytest.mark.parametrize("name", ["lpgnas", "random", "tpe", "nsga2"])
def test_shapes_are_searched_too(store: RunStore, asked: Asked, name: str) -> None:
    spec = asked(name, trainings=7, space=SHAPES)
    trials = ended(spec, store)
    models = {trial.spec.model for trial in trials}
    assert models <= set(SHAPES.models())
    assert models != {SHAPES.model}


@pytest.mark.parametrize("name", ["lpgnas", "random", "tpe", "greedy", "sgquant"])
def test_a_search_that_was_stopped_goes_on(
    tmp_path: Path, store: RunStore, asked: Asked, name: str
) -> None:
    spec = asked(name, trainings=14 if name == "greedy" else 6)
    whole = ended(spec, RunStore(tmp_path / "another"))
    stop = False
    for event in search(spec, store, lambda: stop):  # noqa: B023
        stop = stop or (isinstance(event, Tried) and event.trial.proposal.number == 1)
    assert event == Stopped(key=spec.key)
    assert not SearchLog(spec, store.folder).is_over
    known = SearchLog(spec, store.folder).trials
    assert [trial.proposal for trial in known] == [trial.proposal for trial in whole[:2]]
    trained = [run.key for run in store.list(status="finished")]
    trials = ended(spec, store)
    assert SearchLog(spec, store.folder).is_over
    untimed = [[replace(t, seconds=0, latency_ms=None) for t in of] for of in (trials, whole)]
    assert untimed[0] == untimed[1]
    assert trials[:2] == known
    assert set(trained) <= {run.key for run in store.list(status="finished")}


def test_a_search_that_is_over_is_read(
    store: RunStore, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = ended(asked("lpgnas"), store)

    def forbidden(*_: Any) -> None:
        raise AssertionError("nothing is to be carried out")

    monkeypatch.setattr("engine.searching.one_shot.OneShot.warm_up", forbidden)
    monkeypatch.setattr("engine.searching.trials.run", forbidden)
    assert ended(asked("lpgnas"), store) == trials


def test_a_killed_search_keeps_every_finished_trial(store: RunStore, asked: Asked) -> None:
    spec = asked("random", trainings=8, space=replace(SHAPES, training=TrainingSpec(epochs=40)))
    code = (
        "import sys; from pathlib import Path; from engine.runs import RunStore\n"
        "from engine.search import SearchSpec; from engine.searching import search\n"
        "from engine.spec import loads\n"
        "for _ in search(loads(SearchSpec, sys.argv[1]), RunStore(Path(sys.argv[2]))): pass"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, canonical(spec), str(store.folder)])
    log = SearchLog(spec, store.folder)
    while len(log.trials) < 2 and killed.poll() is None:
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    known = log.trials
    assert len(known) >= 2
    assert not log.is_going_on
    trials = ended(spec, store)
    assert trials[: len(known)] == known
    assert len(trials) == len(log.trials) == 8


def test_a_repeat_costs_nothing(store: RunStore, asked: Asked) -> None:
    space = Space(
        graph=GraphSpec(name="karate"),
        model=ModelSpec(operator="appnp", layers=1, steps=1),
        widths=(8,),
        training=TrainingSpec(epochs=2),
    )
    trials = ended(asked("random", trainings=3, space=space), store)
    assert sum(trial.cost for trial in trials) == 1
    assert {trial.spec.key for trial in trials} == {trials[0].spec.key}
    assert len(trials) >= 24


def test_a_run_without_result_is_written_down(
    store: RunStore, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    really, runs = carried_out.run, count()

    def half_of_them(spec: RunSpec, *where: Any) -> Any:
        if next(runs) % 2:
            yield Diverged(key=spec.key, note="The loss was nan.")
        else:
            yield from really(spec, *where)

    monkeypatch.setattr(carried_out, "run", half_of_them)
    trials = ended(asked("tpe", batch=2), store)
    assert [trial.note for trial in trials] == ["", "The loss was nan."] * 2 + [""]
    assert all(trial.cost == 1 for trial in trials)
    assert front(trials)
    assert not any(trial.note for trial in front(trials))


def test_the_answer_is_within_the_budget(store: RunStore, asked: Asked) -> None:
    spec = asked("uniform", trainings=3)
    trials = ended(spec, store)
    assert answer(spec, store) == best(trials)
    small = replace(spec, budget=replace(spec.budget, model_bytes=500))
    assert answer(small, store).model_bytes <= 500
    with pytest.raises(SpecError, match="at least those of a trial"):
        answer(replace(spec, budget=replace(spec.budget, model_bytes=5)), store)


def test_proposals_of_another_version_are_refused(store: RunStore, asked: Asked) -> None:
    spec, other = asked("random", trainings=2), asked("random", trainings=2, seed=5)
    trials = ended(other, store)
    log = SearchLog(spec, store.folder)
    with log.writing():
        log.add(trials[0].proposal)
    with pytest.raises(StoreError, match="another version of graphbits"):
        ended(spec, store)


def test_methods_tell_what_they_do(store: RunStore, asked: Asked) -> None:
    told = [event for event in search(asked("lpgnas"), store) if isinstance(event, Looking)]
    assert {"warm-up"} < {looking.what for looking in told}
    warming = [looking.done for looking in told if looking.what == "warm-up"]
    assert warming == [1 / 3, 2 / 3, 1]
    (first,) = [e for e in search(asked("uniform", trainings=1), store) if isinstance(e, Proposed)]
    assert first.proposal.origin == "W8A8"


@pytest.mark.parametrize(("name", "least"), [("lpgnas", "2.25"), ("greedy", "11.75")])
def test_a_budget_for_no_run_is_refused(
    store: RunStore, asked: Asked, name: str, least: str
) -> None:
    with pytest.raises(SpecError, match=f"trainings: got 2, accepts at least {least}, what"):
        ended(asked(name, trainings=2), store)


@pytest.mark.parametrize("name", METHODS)
def test_signs_may_be_chosen(store: RunStore, asked: Asked, name: str) -> None:
    space = Space(
        graph=GraphSpec(name="karate"),
        widths=(1, 2, 8),
        scheme="ternary",
        training=TrainingSpec(epochs=4),
    )
    spec = asked(name, trainings=14 if name == "greedy" else 6, space=space)
    chosen = [space.chosen(trial.spec) for trial in ended(spec, store)]
    assert any(1 in widths.values() for widths in chosen)
    assert all(w > 1 for widths in chosen for c, w in widths.items() if "message" in c)
