"""The path of a run: its events, what it leaves in the store, and how it ends early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from engine import experiment
from engine.analysis import Study
from engine.commands.run import REPORTED
from engine.events import Cancelled, Diverged, EpochDone, Event, Finished, Started
from engine.experiment import PROGRAM, REFERENCE, RunEnded, complete, run
from engine.graphs import Graph, GraphError, Neighbourhoods, expected_protected, keep_own, subset
from engine.integer import Program, bind, read
from engine.learning.batch import Batch
from engine.learning.network import Network
from engine.learning.own import ModelNotFound, keep_network, restore
from engine.metrics.merit import MAE
from engine.runs import Run, RunStore
from engine.spec import (
    FP32,
    GraphSpec,
    LayerQuant,
    ModelSpec,
    OwnModel,
    Protection,
    RunSpec,
    SpecError,
    TrainingSpec,
    float_twin,
    scheme,
)

KARATE = GraphSpec(name="karate")
EPOCHS = TrainingSpec(epochs=4)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "store")


def spec_of(name: str, bits: int = 4, **change: Any) -> RunSpec:
    return scheme(name, bits=bits, **{"graph": KARATE, "training": EPOCHS, **change})


def program_of(held: Run, name: str = PROGRAM) -> Program:
    with held.open(name) as file:
        return read(file)


def value(metrics: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        metrics = metrics[part]
    return metrics


def timeless(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in metrics.items() if name not in ("latency", "epoch_ms")}


def test_events_of_a_run_and_what_is_stored(store: RunStore, karate: Graph) -> None:
    spec = spec_of("degree-quant", protection=Protection(p_min=0.1, p_max=0.5))
    started, *epochs, finished = run(spec, store)
    assert started == Started(key=spec.key, epochs=4)
    assert [event.epoch for event in epochs if isinstance(event, EpochDone)] == [1, 2, 3, 4]
    assert all(event.seconds_left > 0 for event in epochs[:-1])
    assert epochs[-1].seconds_left == 0
    assert isinstance(finished, Finished)
    assert finished.key == spec.key == finished.run.key
    held = store.find(spec.key)
    assert (held.status, held.spec) == ("finished", spec)
    for event, record in zip(epochs, held.epochs, strict=True):
        for name in ("epoch", "loss", "train", "validation"):
            assert record[name] == getattr(event, name)
    for name in REPORTED:
        assert isinstance(value(held.metrics, name), int | float), name
    assert held.metrics["best_epoch"] == [row["epoch"] for row in held.epochs if row["best"]][-1]
    assert held.metrics["epoch_ms"] > 0
    assert held.metrics["latency"]["integer_ms"] > 0
    expected = expected_protected(karate.in_degree, spec.protection)
    assert held.metrics["protected"]["expected"] == pytest.approx(expected)
    assert len(held.metrics["smoothness"]["float"]) == 3
    assert {proof["type"] for proof in held.metrics["accumulators"]} == {"int32"}
    assert {proof["stage"] for proof in held.metrics["accumulators"]} > {"0.feature", "1.output"}
    assert held.metrics["agreement"]["max_code_difference"] <= 1
    assert held.metrics["agreement"]["codes_different"] <= 0.001
    assert set(held.files) >= {PROGRAM, REFERENCE}


def test_stored_programs_and_arrays_are_what_was_measured(store: RunStore, karate: Graph) -> None:
    spec = spec_of("qat")
    held = complete(spec, store)
    program, float_program = program_of(held), program_of(held, REFERENCE)
    analysis = Study(karate, float_program).analyse(program)
    assert held.metrics["accuracy"]["integer"] == analysis.result["integer"]
    assert held.metrics["accuracy"]["float"] == analysis.result["float"]
    assert held.metrics["size"] == analysis.size
    assert held.metrics["float_stages"] == program.float_stages == ["1.output"]
    assert held.arrays["degree"].tolist() == karate.in_degree.tolist()
    assert held.arrays["class.integer"].tolist() == analysis.trace.classes.tolist()
    assert held.arrays["class.float"].tolist() == analysis.study.trace.classes.tolist()
    simulated = (held.arrays["class.simulated"] == karate.y)[karate.test].mean()
    assert held.metrics["accuracy"]["simulated"] == pytest.approx(simulated)
    validation = (held.arrays["class.simulated"] == karate.y)[karate.val].mean()
    assert held.metrics["accuracy"]["validation"] == pytest.approx(validation)
    for layer in range(2):
        for component in ("input", "feature", "message", "aggregate", "output"):
            integer = held.arrays[f"error.integer.{layer}.{component}"]
            np.testing.assert_allclose(integer, analysis.error(layer, component), rtol=1e-5)
            twin = held.arrays[f"error.simulated.{layer}.{component}"]
            np.testing.assert_allclose(twin, integer, rtol=1e-3, atol=1e-4)


def test_a_stored_run_is_timed_again(store: RunStore) -> None:
    held = complete(spec_of("degree-quant"), store)
    latency = experiment.timed_again(held, store.folder)
    assert latency.keys() == held.metrics["latency"].keys()
    assert all(value > 0 for value in latency.values())


def forbidden(*_: Any, **__: Any) -> Iterator[Any]:
    raise AssertionError("nothing is to be trained")


def test_a_second_call_is_answered_from_the_store(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of("qat")
    first = complete(spec, store)
    monkeypatch.setattr(experiment, "fit_narrowing", forbidden)
    monkeypatch.setattr(experiment, "fetch", forbidden)
    (event,) = run(spec, RunStore(store.folder))
    assert isinstance(event, Finished)
    assert event.run.metrics == first.metrics


@pytest.mark.parametrize("name", ["degree-quant", "ptq"])
def test_the_same_spec_is_the_same_run_anywhere(tmp_path: Path, name: str) -> None:
    one, other = (complete(spec_of(name), RunStore(tmp_path / part)) for part in "ab")
    assert timeless(one.metrics) == timeless(other.metrics)
    for array in one.arrays:
        np.testing.assert_array_equal(one.arrays[array], other.arrays[array])
    seeded = complete(spec_of(name, seed=1), RunStore(tmp_path / "a"))
    assert timeless(seeded.metrics) != timeless(one.metrics)


def test_a_float_run_is_the_same_three_times(store: RunStore) -> None:
    held = complete(spec_of("float"), store)
    accuracy = held.metrics["accuracy"]
    assert accuracy["float"] == accuracy["simulated"] == accuracy["integer"]
    assert held.metrics["agreement"]["codes_different"] == 0
    assert held.metrics["agreement"]["same_class"] == 1
    assert held.metrics["size"]["model_bytes"] == held.metrics["size"]["float_model_bytes"]
    assert len(held.metrics["float_stages"]) == 10
    assert not held.arrays["error.integer.1.output"].any()


@pytest.mark.parametrize("bits", [8, 2])
def test_post_training_quantization_is_the_preview_of_the_float_run(
    store: RunStore, karate: Graph, bits: int
) -> None:
    spec = spec_of("ptq", bits)
    started, *epochs, finished = run(spec, store)
    assert started == Started(key=float_twin(spec).key, epochs=4)
    assert len(epochs) == 4
    assert isinstance(finished, Finished)
    assert finished.key == spec.key
    twin = store.answer(float_twin(spec).key)
    preview = Study(karate, program_of(twin, REFERENCE)).preview(spec.quant)
    program = program_of(finished.run)
    assert program.params.keys() == preview.program.params.keys()
    plan = bind(program, Neighbourhoods(karate), karate.x)
    np.testing.assert_array_equal(plan.run(), preview.plan.run())
    metrics = finished.run.metrics
    assert metrics["accuracy"]["float"] == twin.metrics["accuracy"]["float"]
    assert metrics["accuracy"]["integer"] == preview.result["integer"]
    assert metrics["agreement"]["max_code_difference"] <= 1
    assert metrics["agreement"]["codes_different"] <= 0.001
    assert (metrics["best_epoch"], metrics["epoch_ms"], finished.run.epochs) == (0, 0.0, ())


def test_the_float_twin_is_found_not_trained_again(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete(float_twin(spec_of("ptq")), store)
    monkeypatch.setattr(experiment, "fit_narrowing", forbidden)
    (event,) = run(spec_of("ptq"), store)
    assert isinstance(event, Finished)


def test_finetuning_starts_from_the_float_weights(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of("qat", training=replace(EPOCHS, mode="finetune"))
    assert spec.training.mode == "finetune"
    starts: list[torch.Tensor] = []

    def watched(network: Network, *rest: Any) -> Any:
        starts.append(network.layers[0].weight.detach().clone())
        return fit(network, *rest)

    fit = experiment.fit_narrowing
    monkeypatch.setattr(experiment, "fit_narrowing", watched)
    events = list(run(spec, store))
    twin = program_of(store.answer(float_twin(spec).key), REFERENCE)
    assert [event.key for event in events if isinstance(event, Started)] == [
        float_twin(spec).key,
        spec.key,
    ]
    assert len(starts) == 2
    assert not np.array_equal(starts[0], starts[1])
    np.testing.assert_array_equal(starts[1], twin.constants[0, "weight"])
    assert len(store.answer(spec.key).epochs) == 4


def test_distillation_learns_from_the_float_twin_and_starts_anew(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of("qat", training=replace(EPOCHS, distillation=0.5))
    seen: list[tuple[torch.Tensor, Any]] = []

    def watched(network: Network, *rest: Any) -> Any:
        seen.append((network.layers[0].weight.detach().clone(), rest[-1]))
        return fit(network, *rest)

    fit = experiment.fit_narrowing
    monkeypatch.setattr(experiment, "fit_narrowing", watched)
    complete(spec, store)
    assert store.answer(float_twin(spec).key) is not None
    complete(spec_of("qat"), store)
    (twin, none), (distilled, teacher), (plain, nobody) = seen
    assert torch.equal(distilled, plain)
    assert torch.equal(twin, plain)
    assert (none, nobody) == (None, None)
    assert teacher is not None
    losses = [
        [epoch["loss"] for epoch in store.answer(s.key).epochs] for s in (spec, spec_of("qat"))
    ]
    assert losses[0] != losses[1]


def after(count: int) -> Callable[[], bool]:
    """Return what asks for an end once it was asked ``count`` times."""
    asked = iter(range(1000))
    return lambda: next(asked) >= count


def test_a_cancelled_run_leaves_its_partial_record(store: RunStore) -> None:
    spec = spec_of("qat")
    *earlier, ending = run(spec, store, after(2))
    note = "Cancelled after 2 of 4 epochs."
    assert ending == Cancelled(key=spec.key, note=note)
    assert len(earlier) == 3
    held = store.find(spec.key)
    assert (held.status, held.note, len(held.epochs)) == ("cancelled", note, 2)
    assert store.answer(spec.key) is None
    assert complete(spec, store).status == "finished"


def test_a_run_cancelled_in_its_float_twin(store: RunStore) -> None:
    spec = spec_of("ptq")
    *_, ending = run(spec, store, after(1))
    assert ending == Cancelled(key=float_twin(spec).key, note="Cancelled after 1 of 4 epochs.")
    assert store.find(float_twin(spec).key).status == "cancelled"
    assert store.find(spec.key) is None


def test_a_run_left_alone_is_cancelled(store: RunStore) -> None:
    spec = spec_of("qat")
    events = run(spec, store)
    next(events), next(events)
    events.close()
    assert store.find(spec.key).status == "cancelled"
    assert complete(spec, store).status == "finished"


def test_a_diverged_run_ends_with_a_sentence_and_its_record(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, fit = spec_of("qat"), experiment.fit_narrowing

    def broken(network: Network, *rest: Any) -> Any:
        for epoch in fit(network, *rest):
            yield epoch
            if epoch.epoch == 2:
                network.layers[0].weight.data.fill_(torch.nan)

    monkeypatch.setattr(experiment, "fit_narrowing", broken)
    *_, ending = run(spec, store)
    note = "The loss was nan at epoch 3; try a lower learning rate."
    assert ending == Diverged(key=spec.key, note=note)
    held = store.find(spec.key)
    assert (held.status, held.note, len(held.epochs)) == ("diverged", note, 2)
    with pytest.raises(RunEnded, match="The loss was nan at epoch 3"):
        complete(spec, store)


def test_a_failure_is_recorded_and_raised(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_of("qat")

    def fail(*_: Any) -> None:
        raise ArithmeticError("no integer is wide enough")

    monkeypatch.setattr(experiment, "export", fail)
    with pytest.raises(ArithmeticError, match="wide enough"):
        list(run(spec, store))
    held = store.find(spec.key)
    assert held.status == "failed"
    assert "no integer is wide enough" in held.note


def test_nodes_that_are_always_protected_leave_nothing_to_export(store: RunStore) -> None:
    spec = spec_of("degree-quant", protection=Protection(p_min=1.0, p_max=1.0))
    with pytest.raises(ValueError, match="saw no unprotected row has no range"):
        list(run(spec, store))
    assert store.find(spec.key).status == "failed"


def test_a_graph_that_is_not_there_leaves_no_record(store: RunStore) -> None:
    spec = spec_of("qat", graph=GraphSpec(name="atlantis"))
    with pytest.raises(GraphError, match="atlantis"):
        list(run(spec, store))
    assert store.find(spec.key) is None


@pytest.mark.parametrize("name", ["degree-quant", "ptq"])
def test_ones_own_weighted_graph_with_isolated_nodes(
    store: RunStore, karate: Graph, name: str
) -> None:
    edges = karate.edge_index[:, (karate.edge_index != 11).all(axis=0)].copy()
    weight = np.random.default_rng(0).random(edges.shape[1], np.float32)
    own = keep_own(replace(karate, edge_index=edges, edge_weight=weight), store.folder)
    model = ModelSpec(layers=3, hidden=8, residual=True)
    held = complete(spec_of(name, graph=own, model=model), store)
    assert held.metrics["agreement"]["max_code_difference"] <= 1
    assert held.metrics["agreement"]["codes_different"] <= 0.001


@pytest.mark.parametrize("operator", ["gcn", "gin", "sage"])
@pytest.mark.parametrize("sparse", [True, False])
def test_features_of_which_most_are_zero(
    store: RunStore, karate: Graph, operator: Any, sparse: bool
) -> None:
    """Whether the graph holds its zeros or not, a program meets the others alone."""
    x = np.eye(karate.nodes, dtype=np.float32)
    own = keep_own(replace(karate, x=csr_array(x) if sparse else x), store.folder)
    model = ModelSpec(operator=operator, hidden=8)
    held = complete(spec_of("degree-quant", graph=own, model=model), store)
    assert held.metrics["agreement"]["max_code_difference"] <= 1
    assert held.metrics["agreement"]["codes_different"] <= 0.001


def test_mixed_widths_layer_by_layer(store: RunStore) -> None:
    spec = spec_of("qat")
    first = spec.quant[0].map(lambda name, held: FP32 if name == "feature" else held)
    held = complete(replace(spec, quant=(first, LayerQuant())), store)
    assert held.metrics["float_stages"][0] == "0.feature"
    assert held.metrics["agreement"]["codes_different"] <= 0.001


def test_complete_uses_a_persons_own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "mine"))
    spec = spec_of("float")
    assert complete(spec).key == spec.key
    assert RunStore(tmp_path / "mine").answer(spec.key) is not None


def test_threads_are_as_before(store: RunStore) -> None:
    before = torch.get_num_threads()
    events: Iterator[Event] = run(spec_of("float"), store)
    next(events)
    assert torch.get_num_threads() == 1, "the graph is small"
    list(events)
    assert torch.get_num_threads() == before


@pytest.fixture
def kept_rings(store: RunStore, rings: Graph) -> GraphSpec:
    return keep_own(rings, store.folder)


@pytest.mark.parametrize("name", ["float", "degree-quant", "ptq"])
@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_a_set_of_graphs_is_learned_and_measured(
    store: RunStore, rings: Graph, kept_rings: GraphSpec, name: str, operator: Any
) -> None:
    model = ModelSpec(operator=operator, hidden=8, pool="mean", dropout=0)
    training = TrainingSpec(epochs=4, batch=8)
    spec = scheme(name, bits=4, graph=kept_rings, model=model, training=training)
    held = complete(spec, store)
    tested = subset(rings, rings.test)
    assert held.metrics["agreement"]["max_code_difference"] <= 1
    assert held.metrics["agreement"]["codes_different"] <= 0.001
    analysis = Study(tested, program_of(held, REFERENCE)).analyse(program_of(held))
    assert held.metrics["accuracy"]["integer"] == analysis.result["integer"]
    assert held.arrays["nodes"].tolist() == np.diff(tested.starts).tolist()
    assert held.arrays["class.integer"].tolist() == analysis.trace.classes.tolist()
    assert len(held.arrays["degree"]) == tested.nodes
    assert len(held.arrays["error.integer.1.output"]) == tested.nodes
    assert len(held.arrays["error.integer.2.aggregate"]) == tested.units
    assert len(held.arrays["error.integer.3.output"]) == tested.units
    assert len(held.metrics["smoothness"]["integer"]) == 3


def test_a_set_is_learned_well(store: RunStore, kept_rings: GraphSpec) -> None:
    model = ModelSpec(operator="gin", hidden=16, pool="sum", dropout=0)
    training = TrainingSpec(epochs=60, batch=12)
    spec = scheme("degree-quant", bits=8, graph=kept_rings, model=model, training=training)
    held = complete(spec, store)
    assert held.metrics["accuracy"]["integer"] >= 0.9
    assert held.metrics["accuracy"]["validation"] >= 0.9
    assert held.epochs[-1]["loss"] < 0.5 * held.epochs[0]["loss"]


def test_a_network_must_answer_what_is_asked(
    store: RunStore, rings: Graph, kept_rings: GraphSpec
) -> None:
    with pytest.raises(SpecError, match=r"model\.pool: got 'none', accepts sum, mean or max"):
        complete(scheme("float", graph=kept_rings), store)
    pooled = scheme("float", graph=GraphSpec(name="karate"), model=ModelSpec(pool="sum"))
    with pytest.raises(SpecError, match=r"model\.pool: got 'sum', accepts none: the labels of"):
        complete(pooled, store)


def real(graph: Graph, targets: np.ndarray) -> Graph:
    """Return the graph with targets in place of its classes."""
    y = np.full_like(graph.y, -1)
    return replace(graph, targets=targets.astype(np.float32), classes=0, y=y)


@pytest.mark.parametrize("name", ["float", "degree-quant", "ptq"])
def test_targets_of_graphs_are_learned_and_measured(
    store: RunStore, rings: Graph, name: str
) -> None:
    sizes = np.diff(rings.starts)
    graph = real(rings, np.stack((sizes, rings.y), axis=1))
    model = ModelSpec(operator="gin", hidden=8, pool="sum", dropout=0)
    training = TrainingSpec(epochs=4, batch=8)
    kept = keep_own(graph, store.folder)
    spec = scheme(name, bits=4, graph=kept, model=model, training=training)
    started, *_, finished = run(spec, store)
    assert (started.merit, finished.run.status) == (MAE, "finished")
    held = finished.run
    assert "accuracy" not in held.metrics
    assert set(held.metrics["mae"]) == {"float", "integer", "simulated", "validation"}
    assert "same_class" not in held.metrics["agreement"]
    assert held.metrics["agreement"]["max_code_difference"] <= 1
    tested = subset(graph, graph.test)
    analysis = Study(tested, program_of(held, REFERENCE)).analyse(program_of(held))
    assert held.metrics["mae"]["integer"] == analysis.result["integer"]
    assert "class.integer" not in held.arrays
    np.testing.assert_array_equal(held.arrays["output.integer"], analysis.trace.scores)
    simulated = np.abs(held.arrays["output.simulated"] - tested.targets).mean()
    assert held.metrics["mae"]["simulated"] == pytest.approx(simulated, rel=1e-5)


def test_targets_of_graphs_are_learned_well(store: RunStore, rings: Graph) -> None:
    sizes = np.diff(rings.starts)[:, None]
    kept = keep_own(real(rings, sizes), store.folder)
    model = ModelSpec(operator="gin", hidden=16, pool="sum", dropout=0)
    training = TrainingSpec(epochs=60, batch=12)
    spec = scheme("degree-quant", bits=8, graph=kept, model=model, training=training)
    held = complete(spec, store)
    off = np.abs(sizes[rings.test] - np.median(sizes[rings.train])).mean()
    assert held.metrics["mae"]["integer"] < 0.5 * off
    assert held.metrics["mae"]["validation"] < 0.5 * off
    best = held.epochs[held.metrics["best_epoch"] - 1]
    assert best["validation"] == min(epoch["validation"] for epoch in held.epochs)


def test_targets_of_nodes_are_learned(store: RunStore, karate: Graph) -> None:
    kept = keep_own(real(karate, karate.in_degree[:, None]), store.folder)
    held = complete(spec_of("degree-quant", 8, graph=kept), store)
    assert held.metrics["mae"]["integer"] > 0
    assert held.arrays["output.integer"].shape == (34, 1)


@pytest.fixture
def own(store: RunStore, karate: Graph) -> OwnModel:
    """Keep a network that was trained elsewhere."""
    torch.manual_seed(0)
    shape = ModelSpec(operator="sage", hidden=8).layer_specs(karate.features, karate.classes)
    network = Network(shape, [LayerQuant()] * 2, torch.Generator().manual_seed(5))
    return keep_network(network, store.folder)


def test_a_persons_own_model_is_measured_as_it_is(
    store: RunStore, karate: Graph, own: OwnModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment, "fit_narrowing", forbidden)
    spec = scheme("ptq", bits=8, graph=KARATE, model=own, seed=3)
    (finished,) = run(spec, store)
    twin = store.answer(float_twin(spec).key)
    network = Network(own.layers, [LayerQuant()] * 2)
    restore(network, own, store.folder)
    batch = Batch.of(karate)
    with torch.no_grad():
        scores = network.eval()(batch.x, batch.adjacencies)
    assert twin.arrays["class.float"].tolist() == scores.argmax(dim=1).tolist()
    assert (twin.epochs, twin.metrics["best_epoch"]) == ((), 0)
    preview = Study(karate, program_of(twin, REFERENCE)).preview(spec.quant)
    assert finished.run.metrics["accuracy"]["integer"] == preview.result["integer"]
    assert finished.run.metrics["agreement"]["max_code_difference"] <= 1


def test_a_persons_own_model_is_finetuned_or_its_shape_learned_anew(
    store: RunStore, own: OwnModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[torch.Tensor] = []

    def watched(network: Network, *rest: Any) -> Any:
        starts.append(network.layers[0].weight.detach().clone())
        return fit(network, *rest)

    fit = experiment.fit_narrowing
    monkeypatch.setattr(experiment, "fit_narrowing", watched)
    kept = Network(own.layers, [LayerQuant()] * 2)
    restore(kept, own, store.folder)
    for mode in ("finetune", "retrain"):
        training = TrainingSpec(epochs=4, mode=mode)
        held = complete(scheme("qat", bits=4, graph=KARATE, model=own, training=training), store)
        assert len(held.epochs) == 4
    finetuned, anew = starts
    assert torch.equal(finetuned, kept.layers[0].weight)
    assert not torch.equal(anew, kept.layers[0].weight)


def test_a_persons_own_model_must_fit_and_be_here(store: RunStore, own: OwnModel) -> None:
    with pytest.raises(SpecError, match=r"model\.features: got 34, accepts 64"):
        complete(scheme("ptq", model=own), store)
    with pytest.raises(ModelNotFound, match="is not kept in"):
        complete(scheme("ptq", graph=KARATE, model=own), RunStore(store.folder / "other"))
