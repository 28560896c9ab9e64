"""What answers a recipe: its run, a preview from the float run at hand, or what is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine import experiment
from engine.events import Finished
from engine.graphs.catalogue import GraphNotFound, keep_own
from engine.graphs.pyg import from_data
from engine.runs import RunStore
from engine.spec import GraphSpec, ModelSpec, RunSpec, SpecError, TrainingSpec, scheme
from explorer.answers import PROGRAM, REFERENCE, Answers, Kept, NeedsFloat, NeedsGraph
from explorer.shown import Shown

FLOAT = scheme("float", graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=15))
INT4 = scheme("qat", bits=4, graph=FLOAT.graph, training=FLOAT.training)


def train(store: RunStore, recipe: RunSpec) -> None:
    *_, ending = experiment.run(recipe, store)
    assert isinstance(ending, Finished)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Return a store with one float run and one quantized one."""
    made = RunStore(tmp_path_factory.mktemp("store"))
    train(made, FLOAT)
    train(made, INT4)
    return made


def shown(answer: object) -> Shown:
    assert isinstance(answer, Shown)
    return answer


def test_files_are_named_as_the_experiment_names_them() -> None:
    assert (PROGRAM, REFERENCE) == (experiment.PROGRAM, experiment.REFERENCE)


def test_run_answers_with_the_numbers_it_was_stored_with(store: RunStore) -> None:
    answer = shown(Answers(store).answer(INT4))
    assert answer.origin == "stored"
    assert answer.baseline.spec == FLOAT
    assert answer.metrics["accuracy"]["integer"] == answer.analysis.result["integer"]
    for layer in range(2):
        stored = answer.run.arrays[f"error.integer.{layer}.output"]
        np.testing.assert_allclose(answer.analysis.error(layer), stored, rtol=1e-6)


def test_run_trained_in_this_session_says_so(store: RunStore) -> None:
    answers = Answers(store)
    assert shown(answers.answer(INT4)).origin == "stored"
    answers.trained(INT4.key)
    assert shown(answers.answer(INT4)).origin == "trained"


def test_preview_is_what_post_training_quantization_gives(store: RunStore) -> None:
    recipe = scheme("ptq", bits=4, graph=FLOAT.graph, training=FLOAT.training)
    preview = shown(Answers(store).answer(recipe))
    assert (preview.origin, preview.run) == ("preview", None)
    assert not preview.is_baseline_other
    train(store, recipe)
    stored = shown(Answers(store).answer(recipe))
    assert stored.origin == "stored"
    np.testing.assert_array_equal(preview.analysis.trace.scores, stored.analysis.trace.scores)


def test_preview_falls_back_on_a_float_run_of_other_training(store: RunStore) -> None:
    recipe = replace(INT4, seed=9, training=replace(INT4.training, epochs=77))
    preview = shown(Answers(store).answer(recipe))
    assert preview.baseline.spec == FLOAT
    assert preview.is_baseline_other


def test_other_network_needs_its_float_run(store: RunStore) -> None:
    recipe = replace(INT4, model=replace(INT4.model, hidden=7))
    answer = Answers(store).answer(recipe)
    assert isinstance(answer, NeedsFloat)
    assert answer.recipe.training.mode == "float"
    assert answer.graph.nodes == 34


def test_graphs_that_are_not_here(store: RunStore) -> None:
    public = scheme("float", graph=GraphSpec(name="Cora"))
    assert Answers(store).answer(public) == NeedsGraph(public.graph)
    with pytest.raises(GraphNotFound, match="Atlantis"):
        Answers(store).answer(scheme("float", graph=GraphSpec(name="Atlantis")))


def test_run_without_its_programs_is_no_answer(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    with store.begin(FLOAT) as pending:
        pending.finish({}, {})
    assert isinstance(Answers(store).answer(FLOAT), NeedsFloat)


def test_kept_drops_what_was_used_longest_ago() -> None:
    kept: Kept[int, int] = Kept(2)
    made: list[int] = []

    def make(key: int) -> int:
        made.append(key)
        return key

    for key in (1, 2, 1, 3, 1, 2):
        kept.get(key, lambda key=key: make(key))
    assert made == [1, 2, 3, 2]
    kept.forget(1)
    kept.get(1, lambda: make(1))
    assert made[-1] == 1


RINGS = [
    SimpleNamespace(
        edge_index=np.stack((np.arange(size), (np.arange(size) + 1) % size)),
        x=np.random.default_rng(size).normal(size=(size, 2)).astype(np.float32),
        y=np.array(size % 2),
    )
    for size in (3, 4, 5, 6) * 10
]


@pytest.fixture(scope="module")
def of_rings(store: RunStore) -> RunSpec:
    """Return the recipe of a float run on a set of graphs, which the store holds."""
    recipe = scheme(
        "float",
        graph=keep_own(from_data(RINGS), store.folder),
        model=ModelSpec(operator="gin", hidden=8, pool="mean"),
        training=TrainingSpec(epochs=5),
    )
    train(store, recipe)
    return recipe


def test_a_set_is_shown_by_its_graphs_for_testing(store: RunStore, of_rings: RunSpec) -> None:
    answer = shown(Answers(store).answer(of_rings))
    assert (answer.graph.units, answer.measured.units) == (40, 4)
    assert answer.sizes.sum() == answer.measured.nodes
    assert len(answer.analysis.error(1)) == answer.measured.nodes
    assert len(answer.analysis.error(3)) == 4


def test_preview_of_a_set_is_what_post_training_quantization_gives(
    store: RunStore, of_rings: RunSpec
) -> None:
    recipe = scheme(
        "ptq", bits=4, graph=of_rings.graph, model=of_rings.model, training=of_rings.training
    )
    preview = shown(Answers(store).answer(recipe))
    assert preview.origin == "preview"
    train(store, recipe)
    stored = shown(Answers(store).answer(recipe))
    assert stored.origin == "stored"
    np.testing.assert_array_equal(preview.analysis.trace.scores, stored.analysis.trace.scores)


def test_a_network_for_nodes_does_not_answer_a_set(store: RunStore, of_rings: RunSpec) -> None:
    of_nodes = scheme("float", graph=of_rings.graph)
    with pytest.raises(SpecError, match=r"model\.pool: got 'none', accepts sum, mean or max"):
        Answers(store).answer(of_nodes)


def test_public_sets_that_are_not_here(store: RunStore) -> None:
    recipe = scheme("float", graph=GraphSpec(name="ZINC"), model=ModelSpec(pool="sum"))
    assert Answers(store).answer(recipe) == NeedsGraph(recipe.graph)
