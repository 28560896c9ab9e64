"""The bridge: a program computes what the network simulated, code by code, and its float twin."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.analysis import Study
from engine.export import Simulation, export, reference
from engine.graphs import Graph, Neighbourhoods
from engine.integer import Program, bind
from engine.learning.batch import Batch
from engine.learning.feed import WholeGraph
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.learning.threads import threads_for
from engine.learning.training import fit
from engine.learning.weights import read_weights, write_weights
from engine.metrics.agreement import Agreement, SlotAgreement
from engine.spec import (
    Bucket,
    Current,
    DiffGroupNorm,
    Elastic,
    LayerQuant,
    LearnedStep,
    MinMax,
    ModelSpec,
    PairNorm,
    QuantSpec,
    RunSpec,
    Smp,
    TrainingSpec,
    Truncation,
    scheme,
    vary,
)
from engine.spec.layer import of_nodes

EPOCHS = TrainingSpec(epochs=8)
FOUR_RESIDUAL = ModelSpec(layers=4, hidden=8, residual=True)


def weighted(graph: Graph) -> Graph:
    """Return the graph with weights of 0 to 3 on its edges."""
    weight = 3 * np.random.default_rng(0).random(graph.edges, np.float32)
    weight[:5] = 0
    return replace(graph, edge_weight=weight)


def network_of(graph: Graph, spec: RunSpec, generator: torch.Generator | None = None) -> Network:
    layers = spec.model.layer_specs(graph.features, graph.classes)
    return Network(layers, spec.quant, generator)


def copy_weights(of: Network, to: Network) -> None:
    file = BytesIO()
    write_weights(of, file)
    file.seek(0)
    read_weights(to, file)


def train(graph: Graph, spec: RunSpec) -> Network:
    generator = torch.Generator().manual_seed(spec.seed)
    network = network_of(graph, spec, generator)
    protection = DegreeProtection(graph, spec.protection)
    with threads_for(0):
        for _ in fit(network, WholeGraph(Batch.of(graph), protection), spec.training, generator):
            pass
    return network


def with_every_component(spec: QuantSpec, weight: QuantSpec, model: ModelSpec) -> RunSpec:
    """Return a run with one spec for all components but weights, the final scores in float."""
    components = model.layer_specs(1, 1)[0].components
    layer = LayerQuant(**{**dict.fromkeys(components, spec), "weight": weight})
    last = replace(layer, output=QuantSpec())
    quant = (*[layer] * (model.layers - 1), last)
    return RunSpec(model=model, quant=quant, training=EPOCHS)


def agreement_of(graph: Graph, network: Network, program: Program) -> Agreement:
    trace = bind(program, Neighbourhoods(graph), graph.x).trace()
    with threads_for(0):
        return Simulation(network, Batch.of(graph)).agreement(trace)


def assert_agrees(found: Agreement) -> None:
    assert found.max_code_difference <= 1
    assert found.codes_different <= 0.001
    assert found.same_class >= 0.999


def spec_named(name: str) -> RunSpec:
    tensor = QuantSpec(bits=8, range=Current())
    step = QuantSpec(bits=4, range=LearnedStep())
    two = scheme("degree-quant", bits=2, training=EPOCHS)
    return {
        "dq8": scheme("degree-quant", bits=8, training=EPOCHS),
        "dq4": scheme("degree-quant", bits=4, training=EPOCHS),
        "dq2": scheme("degree-quant", bits=2, training=EPOCHS),
        "qat3": scheme("qat", bits=3, training=EPOCHS),
        "qat16": scheme("qat", bits=16, training=EPOCHS),
        "mixed": scheme(
            "qat",
            bits=8,
            component_bits={"weight": 4, "message": 2, "norm": 6, "aggregate": 5},
            training=EPOCHS,
        ),
        "quantized scores": scheme("qat", component_bits={"output": 8}, training=EPOCHS),
        "some in float": scheme(
            "qat", component_bits={"feature": 32, "norm": 32, "input": 32}, training=EPOCHS
        ),
        "signs": scheme("bi-gcn", training=EPOCHS),
        "signs of all": scheme("qat", bits=1, training=EPOCHS),
        "signs of a few": scheme("qat", component_bits={"input": 1, "output": 32}, training=EPOCHS),
        "signs beside 16 bits": scheme("bi-gcn", bits=16, training=EPOCHS),
        "residual signs": scheme("bi-gcn", model=FOUR_RESIDUAL, training=EPOCHS),
        "ternary": scheme("ternary", bits=4, training=EPOCHS),
        "residual": scheme("degree-quant", model=FOUR_RESIDUAL, training=EPOCHS),
        "residual4": scheme("degree-quant", bits=4, model=FOUR_RESIDUAL, training=EPOCHS),
        "learned range": vary(two, rule="learned-range", range_lr=0.01),
        "truncated": vary(two, truncation="plain"),
        "truncated by skewness": vary(two, rule="learned-range", truncation="skewed"),
        "truncated steps": vary(two, rule="learned-step", truncation="skewed"),
        "per tensor": with_every_component(QuantSpec(bits=8), tensor, ModelSpec()),
        "learned step": with_every_component(step, step, ModelSpec()),
        "by degree": scheme("sgquant", bits=8, training=EPOCHS),
        "by degree, learned ranges": vary(
            scheme("smp", bits=8, training=EPOCHS),
            buckets=(Bucket(degree=0, bits=3), Bucket(degree=4, bits=8), Bucket(degree=9, bits=2)),
        ),
        "by degree, learned steps": vary(
            scheme("degree-quant", bits=16, training=EPOCHS),
            rule="learned-step",
            buckets=(Bucket(degree=3, bits=5), Bucket(degree=7, bits=16)),
        ),
        "learned step by channel": with_every_component(
            QuantSpec(bits=8, range=LearnedStep()),
            QuantSpec(bits=4, range=LearnedStep(), granularity="channel"),
            FOUR_RESIDUAL,
        ),
    }[name]


NAMES = (
    "dq8",
    "dq4",
    "dq2",
    "qat3",
    "qat16",
    "mixed",
    "quantized scores",
    "some in float",
    "signs",
    "signs of all",
    "signs of a few",
    "signs beside 16 bits",
    "residual signs",
    "ternary",
    "residual",
    "residual4",
    "learned range",
    "truncated",
    "truncated by skewness",
    "truncated steps",
    "per tensor",
    "learned step",
    "learned step by channel",
    "by degree",
    "by degree, learned ranges",
    "by degree, learned steps",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", [lambda graph: graph, weighted], ids=["plain", "weighted"])
def test_program_equals_simulation_on_karate(
    karate: Graph, name: str, change: Callable[[Graph], Graph]
) -> None:
    graph, spec = change(karate), spec_named(name)
    network = train(graph, spec)
    found = agreement_of(graph, network, export(network))
    assert_agrees(found)
    quantized = {
        (layer, component)
        for layer, quant in enumerate(spec.quant)
        for component, held in quant.items()
        if not held.is_float
    }
    assert {(slot.layer, slot.component) for slot in found.slots} == quantized
    assert all(slot.codes for slot in found.slots)


@pytest.mark.parametrize(
    "name", ["dq8", "dq4", "dq2", "mixed", "residual4", "learned step", "by degree"]
)
def test_program_equals_simulation_on_digits(digits: Graph, name: str) -> None:
    spec = spec_named(name)
    spec = replace(spec, training=replace(spec.training, epochs=3))
    network = train(digits, spec)
    assert_agrees(agreement_of(digits, network, export(network)))


OPERATORS = {
    "gcn": ModelSpec(layers=3, hidden=4, residual=True),
    "gcn batch norm": ModelSpec(layers=3, hidden=4, batch_norm=True, activation="elu"),
    "gat": ModelSpec(operator="gat", layers=3, hidden=4, heads=2),
    "gin": ModelSpec(operator="gin", layers=3, hidden=4),
    "gin plain": ModelSpec(operator="gin", layers=3, hidden=4, batch_norm=False, residual=True),
    "sage mean": ModelSpec(operator="sage", layers=3, hidden=4),
    "sage max": ModelSpec(operator="sage", layers=3, hidden=4, aggregation="max", batch_norm=True),
    "gcn pair norm": ModelSpec(layers=3, hidden=4, normalization=PairNorm(), residual=True),
    "sage pair norm": ModelSpec(
        operator="sage", layers=3, hidden=4, normalization=PairNorm(by_node=True)
    ),
    "gat group norm": ModelSpec(
        operator="gat", layers=3, hidden=4, heads=2, normalization=DiffGroupNorm(groups=3)
    ),
    "gin group norm": ModelSpec(
        operator="gin", layers=3, hidden=4, normalization=DiffGroupNorm(weight=0.5)
    ),
    "appnp": ModelSpec(operator="appnp", hidden=4, steps=3),
    "elastic": ModelSpec(operator="elastic", hidden=4, steps=3),
    "smp": ModelSpec(
        operator="smp", hidden=4, steps=3, propagation=Smp(lambda0=0.5, eta_lambda=0.01)
    ),
}


@pytest.mark.parametrize("operator", list(OPERATORS))
@pytest.mark.parametrize("bits", [8, 4, 2, 1])
@pytest.mark.parametrize("name", ["qat", "degree-quant", "ptq", "sgquant"])
def test_program_of_any_operator_equals_simulation(
    digits: Graph, operator: str, bits: int, name: str
) -> None:
    model = OPERATORS[operator]
    spec = scheme(name, bits=bits, model=model, training=TrainingSpec(epochs=2))
    if name == "ptq":
        trained = train(digits, replace(scheme("float", model=model), training=spec.training))
        program = Study(digits, reference(trained)).preview(spec.quant).program
        network = network_of(digits, spec)
        copy_weights(trained, network)
        network.load_qparams({slot: program.params_of(slot) for slot in network_slots(network)})
    else:
        network = train(digits, spec)
    found = agreement_of(digits, network, export(network))
    assert_agrees(found)
    last = spec.model.depth - 1
    slots = {
        (layer, slot)
        for layer, shape in enumerate(model.layer_specs(1, 1))
        for slot in shape.slots
        if (layer, slot) != (last, "output")
    }
    assert {(slot.layer, slot.component) for slot in found.slots} == slots
    softmaxes = [
        f"{layer}.{slot}"
        for layer, shape in enumerate(model.layer_specs(1, 1))
        for slot in shape.slots
        if slot in ("coefficient", "group_share")
    ]
    assert export(network).float_stages == [*softmaxes, f"{last}.output"]


@pytest.mark.parametrize("operator", ["appnp", "elastic", "smp"])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_64_steps_do_not_drift(digits: Graph, operator: str, bits: int) -> None:
    """Every code of every step: a propagation would carry one that differs to all neighbours."""
    model = ModelSpec(operator=operator, hidden=4, steps=64, propagation=STRONG.get(operator))
    spec = scheme("qat", bits=bits, model=model, training=TrainingSpec(epochs=1))
    network = train(digits, spec)
    found = agreement_of(digits, network, export(network))
    assert found.max_code_difference == 0
    assert found.same_class == 1
    assert len(found.slots) == sum(len(shape.slots) for shape in model.layer_specs(1, 1)) - 1


@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize(
    "deep",
    [
        ModelSpec(),
        ModelSpec(residual=True),
        ModelSpec(residual=True, normalization=PairNorm()),
        ModelSpec(operator="gin", normalization=PairNorm(by_node=True)),
        ModelSpec(operator="gat", heads=2, normalization=DiffGroupNorm(groups=3)),
    ],
    ids=["plain", "residual", "pair norm", "by node", "group norm"],
)
def test_64_layers_do_not_drift(karate: Graph, deep: ModelSpec, bits: int) -> None:
    model = replace(deep, layers=64, hidden=4)
    network = train(karate, scheme("qat", bits=bits, model=model, training=TrainingSpec(epochs=1)))
    found = agreement_of(karate, network, export(network))
    assert_agrees(found)
    assert len(found.slots) == sum(len(shape.slots) for shape in model.layer_specs(1, 1)) - 1


@pytest.mark.parametrize("operator", ["appnp", "smp"])
@pytest.mark.parametrize(
    ("bits", "truncation"), [(4, None), (2, None), (2, "plain"), (2, "skewed")]
)
def test_learned_ranges_and_truncations_do_not_drift_either(
    digits: Graph, operator: str, bits: int, truncation: Truncation | None
) -> None:
    model = ModelSpec(operator=operator, hidden=4, steps=64, propagation=STRONG.get(operator))
    spec = scheme("degree-quant", bits=bits, model=model, training=TrainingSpec(epochs=2))
    spec = vary(spec, rule="learned-range", range_lr=0.01, truncation=truncation)
    network = train(digits, spec)
    found = agreement_of(digits, network, export(network))
    assert found.max_code_difference == 0
    assert found.same_class == 1


STRONG = {
    "elastic": Elastic(lambda1=0.3, lambda2=6),
    "smp": Smp(lambda0=0.5, eta_lambda=0.01),
}


@st.composite
def any_quant(draw: st.DrawFn, model: ModelSpec) -> tuple[LayerQuant, ...]:
    whole = [draw(st.from_type(LayerQuant)) for _ in range(model.depth)]
    shapes = model.layer_specs(1, 1)
    return tuple(
        LayerQuant(
            **{
                c: held if c in rows else replace(held, buckets=())
                for c, held in quant.items()
                if c in shape.components
            }
        )
        for quant, shape, rows in zip(whole, shapes, of_nodes(shapes), strict=True)
    )


FLOAT32_ERROR = 2.0**-18
"""Of a sum of some terms, relative to the largest of them."""


def largest_before(slot: SlotAgreement, graph: Graph, program: Program) -> float:
    """Return the largest magnitude in a layer and those before it."""
    trace = bind(program, Neighbourhoods(graph), graph.x).trace()
    places = [stage.target for stage in program.stages if stage.target[0] <= slot.layer]
    return max(float(np.abs(trace.real(*place)).max(initial=0)) for place in places)


@settings(max_examples=60)
@given(data=st.data(), operator=st.sampled_from(list(OPERATORS)))
def test_any_network_on_any_graph_agrees(data: st.DataObject, operator: str) -> None:
    """A tie that float32 breaks differently is one code; in finer codes after it, it is more.

    So it is where near equals are subtracted in float32, and what is left has codes of its own.
    """
    model = OPERATORS[operator]
    graph = data.draw(st.from_type(Graph))
    if model.operator != "gcn":
        graph = replace(graph, edge_weight=None)
    quant = data.draw(any_quant(model))
    spec = RunSpec(model=model, quant=quant, training=TrainingSpec(epochs=2))
    network = train(graph, spec)
    program = export(network)
    found = agreement_of(graph, network, program)
    first = next((slot for slot in found.slots if slot.different), None)
    if first is not None and first.max_difference > 1:
        params = program.params_of((first.layer, first.component))
        assert params is not None
        assert params.scale.min() < FLOAT32_ERROR * largest_before(first, graph, program)


@pytest.mark.parametrize("change", [lambda graph: graph, weighted], ids=["plain", "weighted"])
@pytest.mark.parametrize("bits", [8, 4, 2])
def test_calibrated_network_equals_its_program(
    karate: Graph, change: Callable[[Graph], Graph], bits: int
) -> None:
    """After training too, edge weights included, which no quantizer slot carries."""
    graph, spec = change(karate), scheme("ptq", bits=bits)
    trained = train(graph, scheme("float", training=EPOCHS))
    float_program = reference(trained)
    program = Study(graph, float_program).preview(spec.quant).program
    network = network_of(graph, spec)
    copy_weights(trained, network)
    network.load_qparams({slot: program.params_of(slot) for slot in network_slots(network)})
    assert_agrees(agreement_of(graph, network, program))
    assert_agrees(agreement_of(graph, network, export(network)))


def network_slots(network: Network) -> list[tuple[int, str]]:
    return [slot for slot, _ in network.quantizers()]


@pytest.mark.parametrize("change", [lambda graph: graph, weighted], ids=["plain", "weighted"])
@pytest.mark.parametrize("model", [ModelSpec(), FOUR_RESIDUAL], ids=["two", "four residual"])
def test_reference_equals_the_float_network(
    karate: Graph, change: Callable[[Graph], Graph], model: ModelSpec
) -> None:
    graph = change(karate)
    spec = scheme("degree-quant", bits=4, model=model, training=EPOCHS)
    trained = train(graph, spec)
    program = reference(trained)
    assert not program.params
    network = network_of(graph, scheme("float", model=model)).eval()
    copy_weights(trained, network)
    batch = Batch.of(graph)
    scores = network(batch.x, batch.adjacencies).detach().numpy()
    plan = bind(program, Neighbourhoods(graph), graph.x)
    np.testing.assert_allclose(plan.run(), scores, rtol=1e-4, atol=1e-5)


def test_a_program_does_not_change_with_its_network(karate: Graph) -> None:
    network = train(karate, scheme("float", training=EPOCHS))
    program = reference(network)
    before = np.array(program.constants[0, "weight"])
    with torch.no_grad():
        network.layers[0].weight.zero_()
    np.testing.assert_array_equal(program.constants[0, "weight"], before)


def test_a_network_that_saw_no_batch_cannot_be_exported(karate: Graph) -> None:
    spec = scheme("qat", bits=8)
    network = network_of(karate, spec)
    with pytest.raises(ValueError, match="has no range; train or calibrate first"):
        export(network)


def test_simulation_keeps_every_slot_and_changes_nothing(karate: Graph) -> None:
    spec = spec_named("dq4")
    network = train(karate, spec).train()
    before = deepcopy(network.state_dict())
    batch = Batch.of(karate)
    simulation = Simulation(network, batch)
    assert not network.training
    for name, held in network.state_dict().items():
        assert held.dtype == before[name].dtype
        assert torch.equal(held, before[name])
    codes, params = simulation.codes(), network.qparams()
    assert set(codes) == {slot for slot, held in params.items() if held is not None}
    for slot, of_slot in codes.items():
        spec_of_slot = params[slot].spec
        assert of_slot.dtype == np.int32
        assert of_slot.min() >= spec_of_slot.qmin
        assert of_slot.max() <= spec_of_slot.qmax
        real = simulation.real(slot)
        values = real.data if isinstance(real, csr_array) else real
        hat = (of_slot - params[slot].zero) * params[slot].scale.astype(np.float64)
        np.testing.assert_allclose(values, hat, rtol=1e-12)
    sparse = simulation.real((0, "input"))
    assert isinstance(sparse, csr_array)
    assert (sparse.toarray() != 0).tolist() == (karate.x.toarray() != 0).tolist()
    with torch.no_grad():
        scores = network(batch.x, batch.adjacencies)
    np.testing.assert_allclose(simulation.scores, scores.numpy(), atol=0.2)
    assert (simulation.scores.argmax(1) == scores.numpy().argmax(1)).mean() > 0.9


def test_a_wrong_program_is_seen(karate: Graph) -> None:
    """The agreement is no tautology: another scale in one slot, and codes differ."""
    spec = spec_named("dq4")
    network = train(karate, spec)
    program = export(network)
    slot = (0, "message")
    held = program.params[slot]
    wrong = {**program.params, slot: replace(held, scale=held.scale * np.float32(1.5))}
    found = agreement_of(karate, network, replace(program, params=wrong))
    assert found.codes_different > 0.01


def test_min_max_of_edge_weights_is_the_same_in_both_wings(karate: Graph) -> None:
    graph = weighted(karate)
    layer = LayerQuant(norm=QuantSpec(bits=4, signed=False, range=MinMax()))
    spec = RunSpec(quant=(layer, layer), training=EPOCHS)
    network = train(graph, spec)
    plan = bind(export(network), Neighbourhoods(graph), graph.x)
    adjacency = Batch.of(graph).adjacencies.of("gcn")
    for index, held in enumerate(network.layers):
        simulated = held.edge_weight(adjacency.weights).numpy()
        np.testing.assert_array_equal(plan.trace().real(index, "edge_weight"), simulated)


@pytest.mark.parametrize("name", ["dq8", "signs"])
def test_dense_features_that_the_program_stores_sparsely(karate: Graph, name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.random((karate.nodes, 20), np.float32) * (rng.random((karate.nodes, 20)) < 0.1)
    graph, spec = replace(karate, x=x.astype(np.float32)), spec_named(name)
    network = train(graph, spec)
    found = agreement_of(graph, network, export(network))
    assert_agrees(found)
    assert found.slots[0].codes == x.size
