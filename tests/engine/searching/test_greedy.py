"""The greedy way down: the least harm for a byte first."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from engine.runs import RunStore
from engine.search import SearchSpec, Space
from engine.searching import Answered, Looking, search
from engine.searching.greedy import Effect, way, widest
from engine.spec import GraphSpec, ModelSpec, TrainingSpec

SPACE = Space(model=ModelSpec(operator="appnp", layers=1, steps=1), widths=(8, 4, 2))


def test_the_way_takes_the_least_harm_for_a_byte() -> None:
    names = [choice.name for choice in SPACE.choices(SPACE.model)]
    assert names == ["0.input", "0.weight", "0.feature", "0.output", "1.message"]
    effects = {(name, width): Effect(1.0, 1000) for name in names for width in (8, 4, 2)}
    effects["0.weight", 4] = Effect(1.1, 500)  # 0.0002 a byte
    effects["0.weight", 2] = Effect(2.1, 400)  # 0.01 a byte
    effects["0.input", 4] = Effect(1.1, 900)  # 0.001 a byte
    effects["0.input", 2] = Effect(0.9, 850)  # less than nothing, behind the step before
    effects["0.feature", 4] = Effect(1.5, 1000)  # 0.5, and no byte
    effects["0.output", 4] = Effect(0.9, 1000)
    path = way(SPACE, effects)
    steps = []
    for before, after in pairwise(path):
        (name,) = [name for name in names if before[name] != after[name]]
        steps.append((name, after[name]))
    assert path[0] == widest(SPACE)
    assert set(path[-1].values()) == {2}
    assert len(steps) == 2 * len(names)
    assert steps[0] == ("0.output", 4)
    order = [("0.weight", 4), ("0.input", 4), ("0.weight", 2), ("0.feature", 4)]
    assert [step for step in steps if step in order] == order
    assert steps[steps.index(("0.input", 4)) + 1] == ("0.input", 2)


def test_what_it_looks_at_is_paid_for(store: RunStore, asked: Callable[..., SearchSpec]) -> None:
    space = Space(graph=GraphSpec(name="karate"), widths=(8, 2), training=TrainingSpec(epochs=20))
    spec = asked("greedy", trainings=6, space=space)
    *events, ending = search(spec, store)
    assert isinstance(ending, Answered)
    trials = ending.trials
    looks = 13 * 2
    assert trials[0].proposal.searched == 1 + looks / 20
    assert sum(trial.cost for trial in trials) == 1 + looks / 20 + 3
    assert set(space.chosen(trials[0].spec).values()) == {8}
    assert set(space.chosen(trials[-1].spec).values()) == {2}
    bits = [trial.bit_operations for trial in trials]
    assert bits == sorted(bits, reverse=True)
    told = {event.what for event in events if isinstance(event, Looking)}
    assert told == {"float model", "effect of widths"}
