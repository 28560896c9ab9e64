"""Bounds: what they refuse, and that none of their fields takes nonsense."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search import Budget, SearchSpec, Space
from engine.spec import GraphSpec, LayerSpec, OwnModel, RunSpec, SpecError, loads, scheme
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.presets import PRESETS

OWN = OwnModel(name="own:" + "0" * 64, layers=(LayerSpec(operator="gcn", inputs=10**7, outputs=2),))


@given(
    st.sampled_from([name for name, _, _ in PRESETS.values()]),
    st.integers(0, 2**32 - 1),
)
def test_a_persons_own_machine_takes_every_recipe(name: str, seed: int) -> None:
    OWN_MACHINE.check(scheme(name, bits=4, seed=seed))
    OWN_MACHINE.check(scheme(name, bits=4, graph=GraphSpec(name="hubs", nodes=50_000_000)))


def test_what_is_offered_is_taken_and_else_named() -> None:
    bounds = Bounds(graphs=("hubs",), models=("own:" + "1" * 64,), nodes=100)
    bounds.check(RunSpec(graph=GraphSpec(name="hubs", nodes=100)))
    bounds.check(RunSpec(graph=GraphSpec(name="hubs")))
    with pytest.raises(SpecError, match=r"graph\.nodes: got 101, accepts at most 100"):
        bounds.check(GraphSpec(name="hubs", nodes=101))
    with pytest.raises(SpecError, match=r"graph\.name: got 'own:"):
        bounds.check(GraphSpec(name="own:" + "2" * 64))
    foreign = scheme("float", graph=GraphSpec(name="hubs"), model=OWN)
    with pytest.raises(SpecError, match=r"model\.name"):
        bounds.check(foreign)
    Bounds(models=(OWN.name,)).check(foreign)


def test_a_search_is_bounded_as_its_runs_are() -> None:
    hubs = GraphSpec(name="hubs")
    bounds = Bounds(graphs=("hubs",), hidden=32, trainings=4, run_s=10)
    small = SearchSpec(space=Space(graph=hubs, hidden=(8, 32)), budget=Budget(trainings=4))
    bounds.check(small)
    assert bounds.seconds_of(small) == 40
    for refused, field in (
        (replace(small, budget=Budget(trainings=4.5)), r"budget\.trainings"),
        (replace(small, space=replace(small.space, hidden=(8, 64))), r"model\.hidden"),
        (replace(small, space=Space()), r"graph\.name"),
    ):
        with pytest.raises(SpecError, match=field):
            bounds.check(refused)


@pytest.mark.parametrize("field", [field.name for field in fields(Bounds)])
@pytest.mark.parametrize("value", [-1, 0, 10**30, "9", float("nan"), float("inf"), True, [7], {}])
def test_no_field_takes_nonsense(field: str, value: Any) -> None:
    with pytest.raises(SpecError) as refused:
        Bounds(**{field: value})
    assert refused.value.field.startswith(field)


def test_they_survive_the_file_they_are_changed_in() -> None:
    bounds = Bounds(graphs=("digits-knn",), models=(), epochs=7, run_s=0.5)
    assert loads(Bounds, json.dumps(asdict(bounds))) == bounds
    with pytest.raises(SpecError, match="epoch"):
        loads(Bounds, '{"epoch": 7}')
