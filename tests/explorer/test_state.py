"""The recipe being edited: a refused edit changes nothing, a taken one can be undone."""

from __future__ import annotations

from dataclasses import replace

from engine.spec import (
    scheme,
)
from explorer.edits import (
    with_graph,
    with_model,
    with_preset,
)
from explorer.presets import preset_of
from explorer.state import State

DQ4 = scheme("degree-quant", bits=4)


def test_refused_edit_says_why_and_changes_nothing() -> None:
    state = State(DQ4)
    assert not state.edit(lambda recipe: with_model(recipe, hidden=0))
    assert state.recipe is DQ4
    assert "model.hidden" in state.problem
    assert "1 to 4096" in state.problem
    assert not state.can_undo
    assert state.edit(lambda recipe: with_model(recipe, hidden=8))
    assert state.problem == ""


def test_undo_goes_back_one_edit_at_a_time() -> None:
    state = State(DQ4)
    state.edit(lambda recipe: with_model(recipe, hidden=8))
    state.edit(lambda recipe: recipe)
    state.edit(lambda recipe: with_preset(recipe, "INT8"))
    state.undo()
    assert preset_of(state.recipe) == "Degree-Quant 4"
    assert state.recipe.model.hidden == 8
    state.undo()
    assert state.recipe == DQ4
    assert not state.can_undo
    state.undo()
    assert state.recipe == DQ4


def test_other_graph_forgets_the_node_and_the_member() -> None:
    state = State(DQ4)
    state.node = state.member = 5
    state.edit(lambda recipe: with_model(recipe, hidden=8))
    assert (state.node, state.member) == (5, 5)
    state.edit(lambda recipe: with_graph(recipe, name="karate"))
    assert (state.node, state.member) == (None, None)


def test_redo_goes_forward_until_another_edit_is_made() -> None:
    state = State(DQ4)
    assert not state.can_redo
    for seed in (1, 2):
        state.edit(lambda recipe, seed=seed: replace(recipe, seed=seed))
    state.undo()
    state.undo()
    assert state.recipe.seed == 0
    state.redo()
    assert (state.recipe.seed, state.can_redo, state.can_undo) == (1, True, True)
    state.undo()
    state.redo()
    state.redo()
    assert (state.recipe.seed, state.can_redo) == (2, False)
    state.redo()
    assert state.recipe.seed == 2
    state.undo()
    state.edit(lambda recipe: replace(recipe, seed=9))
    assert not state.can_redo
