"""The shipped runs: what they are, and that the store has them."""

from __future__ import annotations

from typing import get_args

import pytest

from engine.runs import RunStore
from engine.search import leanest
from engine.search import searches as found
from engine.spec import PROPAGATIONS, Operator, float_twin
from explorer.answers import PROGRAM, REFERENCE
from explorer.edits import with_graph, with_model, with_preset, with_task
from explorer.packaged import stores
from explorer.precompute import is_kept, recipes, searches
from explorer.presets import DEFAULT, PRESETS


def test_default_and_every_preset_are_shipped() -> None:
    keys = [recipe.key for recipe in recipes()]
    assert len(keys) == len(set(keys))
    assert DEFAULT.key in keys
    assert {with_preset(DEFAULT, name).key for name in PRESETS} <= set(keys)


@pytest.mark.parametrize("operator", [*get_args(Operator), *PROPAGATIONS])
def test_every_operator_opens_at_once(operator: str) -> None:
    """Its run is there where the default is switched to it, and a float model for previews."""
    recipe = with_model(DEFAULT, operator=operator)
    assert {recipe.key, float_twin(recipe).key} <= {shipped.key for shipped in recipes()}


def test_a_set_of_graphs_opens_at_once() -> None:
    """A preview is there where the default is switched to it, and a run with gin."""
    recipe = with_task(with_graph(DEFAULT, name="digits-superpixels"), True)
    suited = with_model(recipe, operator="gin")
    keys = {shipped.key for shipped in recipes()}
    assert {float_twin(recipe).key, float_twin(suited).key, suited.key} <= keys


def test_shipped_store_holds_exactly_these_runs_and_searches() -> None:
    (folder,) = stores()
    store = RunStore(folder, read_only=True)
    shipped = {summary.key: summary for summary in store.list()}
    logs = {log.spec: log for log in found(folder)}
    answers = {leanest(log.trials).spec.key for spec, log in logs.items() if is_kept(spec)}
    assert shipped.keys() == {recipe.key for recipe in recipes()} | answers, "make them again"
    assert logs.keys() == set(searches()), "make them again"
    assert all(log.is_over for log in logs.values())
    assert all(trial.latency_ms for log in logs.values() for trial in log.trials)
    assert {summary.status for summary in shipped.values()} == {"finished"}
    for key in shipped:
        run = store.find(key)
        assert run is not None
        assert {PROGRAM, REFERENCE} <= run.files.keys()
        assert run.metrics["agreement"]["codes_different"] <= 0.001
    assert {path.name for path in folder.iterdir()} == {"runs", "searches"}
