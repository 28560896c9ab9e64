"""Searches as values: JSON, keys, and the fields that they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from engine.search import METHODS, Budget, Lpgnas, Method, SearchSpec, Space, Tpe, name_of
from engine.spec import GraphSpec, SpecError, canonical, loads


@pytest.mark.parametrize("name", METHODS)
def test_a_search_survives_json(name: str) -> None:
    method: Method = METHODS[name]()
    space = Space(graph=GraphSpec(name="Cora"), hidden=(8, 16))
    spec = SearchSpec(space=space, method=method, budget=Budget(model_bytes=10_000), seed=3)
    assert loads(SearchSpec, canonical(spec)) == spec
    assert name_of(method) == name
    assert spec.key == loads(SearchSpec, canonical(spec)).key


def test_keys_tell_searches_apart() -> None:
    searches = [
        SearchSpec(),
        SearchSpec(seed=1),
        SearchSpec(method=Tpe()),
        SearchSpec(method=Tpe(batch=2)),
        SearchSpec(method=Lpgnas(beta_high=2.0)),
        SearchSpec(budget=Budget(trainings=8)),
        SearchSpec(space=Space(widths=(8, 4))),
    ]
    assert len({search.key for search in searches}) == len(searches)
    assert canonical(SearchSpec()) == "{}"


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        (Budget, {"trainings": 0.5}, "trainings"),
        (Budget, {"model_bytes": 0}, "model_bytes"),
        (SearchSpec, {"seed": -1}, "seed"),
        (SearchSpec, {"method": "lpgnas"}, "method"),
        (SearchSpec, {"budget": 16}, "budget"),
        (METHODS["tpe"], {"batch": 0}, "batch"),
        (METHODS["nsga2"], {"population": 1}, "population"),
        (METHODS["relaxed"], {"beta_low": 0}, "beta_low"),
        (METHODS["lpgnas"], {"beta_low": 2.0, "beta_high": 1.0}, "beta_high"),
        (METHODS["lpgnas"], {"turns": 0}, "turns"),
        (METHODS["lpgnas"], {"last_temperature": 0}, "last_temperature"),
        (METHODS["lpgnas"], {"noise": -1}, "noise"),
    ],
)
def test_invalid_fields_are_named(kind: Any, given: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError, match=field):
        kind(**given)


def test_the_schedule_goes_from_first_to_last() -> None:
    method = Lpgnas(noise=1.0, last_noise=0.5, temperature=4.0, last_temperature=1.0)
    assert method.schedule(0.0) == (1.0, 4.0)
    assert method.schedule(0.5) == (0.75, 2.0)
    assert method.schedule(1.0) == (0.5, 1.0)


@pytest.mark.parametrize("name", METHODS)
def test_one_shot_searches_have_no_widths_by_in_degree(name: str) -> None:
    space = Space(degrees=(4, 16))
    if name not in ("lpgnas", "relaxed"):
        assert SearchSpec(space=space, method=METHODS[name]()).space == space
        return
    with pytest.raises(SpecError, match="one width for all nodes"):
        SearchSpec(space=space, method=METHODS[name]())
