"""The whole network: PyG's stack where exact, its slots, its parameters, its round trips."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch import Tensor, nn
from torch_geometric.nn import GAT, GCN, GIN, GCNConv, GraphSAGE

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.features import features
from engine.learning.layers.layer import Layer
from engine.learning.network import Network
from engine.learning.protection import ProtectedRows
from engine.spec import Bucket, LayerQuant, ModelSpec, QuantSpec, RunSpec, SpecError, scheme
from engine.spec.layer import of_nodes

MODELS = [
    ModelSpec(layers=3, residual=True),
    ModelSpec(operator="gat", layers=3, residual=True),
    ModelSpec(operator="gin", layers=3, residual=True),
    ModelSpec(operator="sage", layers=3, batch_norm=True),
    ModelSpec(operator="sage", aggregation="max"),
    ModelSpec(operator="gin", pool="sum"),
    ModelSpec(operator="gat", pool="max"),
]
every_operator = pytest.mark.parametrize(
    ("operator", "twin_class"), [("gcn", GCN), ("gat", GAT), ("gin", GIN), ("sage", GraphSAGE)]
)
every_model = pytest.mark.parametrize(
    "model", MODELS, ids=lambda model: f"{model.operator}-{model.pool}"
)


def slots_of(network: Network) -> set[tuple[int, str]]:
    return {
        (index, slot) for index, layer in enumerate(network.layers) for slot in layer.spec.slots
    }


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network_of(graph: Graph, spec: RunSpec, seed: int = 0) -> Network:
    layers = spec.model.layer_specs(graph.features, graph.classes)
    network = Network(layers, spec.quant, seeded(seed))
    with torch.no_grad():
        for layer in network.layers:
            layer.bias.normal_(generator=seeded(seed + 1))
    return network


def dense_features(graph: Graph) -> Tensor:
    x = graph.x if isinstance(graph.x, np.ndarray) else graph.x.toarray()
    return torch.from_numpy(np.asarray(x, np.float32))


@given(graph=..., layers=st.integers(2, 5), residual=st.booleans())
def test_exact_network_equals_a_stack_of_pyg_layers(
    graph: Graph, layers: int, residual: bool
) -> None:
    model = ModelSpec(layers=layers, hidden=4, residual=residual)
    network = network_of(graph, scheme("float", model=model)).eval()
    edge_index = torch.from_numpy(graph.edge_index)
    weight = None if graph.edge_weight is None else torch.from_numpy(graph.edge_weight)
    h, twins = dense_features(graph), []
    for index, layer in enumerate(network.layers):
        convolution = GCNConv(*layer.weight.shape)
        with torch.no_grad():
            convolution.lin.weight.copy_(layer.weight.t())
            convolution.bias.copy_(layer.bias)
        out = convolution(h, edge_index, weight)
        last = index == layers - 1
        hidden = out.relu() + h if residual and 0 < index < layers - 1 else out.relu()
        h = out if last else hidden
        twins.append(convolution)
    scores = network(features(graph.x), Adjacencies(Neighbourhoods(graph)))
    torch.testing.assert_close(scores, h, rtol=1e-4, atol=1e-5)
    upstream = torch.linspace(-1, 1, scores.numel()).view_as(scores)
    scores.backward(upstream)
    h.backward(upstream)
    for layer, twin in zip(network.layers, twins, strict=True):
        torch.testing.assert_close(
            layer.weight.grad, twin.lin.weight.grad.t(), rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(layer.bias.grad, twin.bias.grad, rtol=1e-3, atol=1e-4)


@every_operator
def test_exact_network_equals_pygs_own(karate: Graph, operator: str, twin_class: type) -> None:
    """PyG's whole models, with their ReLU, one head and no batch norm."""
    model = ModelSpec(operator=operator, layers=3, hidden=8, activation="relu", batch_norm=False)
    layers = tuple(
        replace(shape, heads=1, hidden=None, hidden_norm=False)
        for shape in model.layer_specs(karate.features, 4)
    )
    network = Network(layers, (LayerQuant(),) * 3, seeded()).eval()
    options = {"hidden_channels": 8, "num_layers": 3, "out_channels": 4}
    twin = twin_class(karate.features, **options).eval()
    for layer, conv in zip(network.layers, twin.convs, strict=True):
        copy_into_pyg(layer, conv)
    adjacencies = Adjacencies(Neighbourhoods(karate))
    expected = twin(dense_features(karate), torch.from_numpy(karate.edge_index))
    torch.testing.assert_close(network(features(karate.x), adjacencies), expected)


def copy_into_pyg(layer: Layer, conv: nn.Module) -> None:
    of_layer = dict(layer.named_parameters())
    named = {
        "gcn": {"lin.weight": "weight", "bias": "bias"},
        "gat": {"lin.weight": "weight", "bias": "bias"},
        "sage": {"lin_l.weight": "weight", "lin_l.bias": "bias", "lin_r.weight": "own_weight"},
        "gin": {
            "nn.lins.0.weight": "weight",
            "nn.lins.0.bias": "hidden_bias",
            "nn.lins.1.weight": "hidden_weight",
            "nn.lins.1.bias": "bias",
        },
    }[layer.spec.operator]
    with torch.no_grad():
        for theirs, ours in named.items():
            held = of_layer[ours]
            conv.get_parameter(theirs).copy_(held.t() if "weight" in theirs else held)
        if layer.spec.operator == "gat":
            conv.att_src.copy_(layer.attention[0].view(1, 1, -1))
            conv.att_dst.copy_(layer.attention[1].view(1, 1, -1))


@every_model
def test_sparse_and_dense_features_give_the_same(karate: Graph, model: ModelSpec) -> None:
    graph, model = karate, replace(model, dropout=0)
    network = network_of(graph, scheme("float", model=model))
    adjacencies = Adjacencies(Neighbourhoods(graph))
    dense = network(dense_features(graph), adjacencies)
    sparse = network(features(csr_array(graph.x)), adjacencies)
    torch.testing.assert_close(sparse, dense, rtol=1e-4, atol=1e-5)


def test_weights_start_from_the_generator_alone(karate: Graph) -> None:
    spec = scheme("degree-quant", bits=4)
    one, again, other = (network_of(karate, spec, seed) for seed in (3, 3, 4))
    float_one = network_of(karate, scheme("float"), 3)
    for layer in range(2):
        weight = one.layers[layer].weight
        assert torch.equal(weight, again.layers[layer].weight)
        assert torch.equal(weight, float_one.layers[layer].weight), "whatever the quantizers"
        assert not torch.equal(weight, other.layers[layer].weight)
        bound = (6 / sum(weight.shape)) ** 0.5
        assert weight.abs().max() <= bound
        assert weight.abs().max() > 0.9 * bound


def test_protection_ends_where_nodes_are_pooled(karate: Graph) -> None:
    model = ModelSpec(operator="gin", pool="mean", dropout=0)
    network = network_of(karate, scheme("qat", bits=2, model=model))
    everyone = ProtectedRows(torch.ones(karate.nodes, dtype=torch.bool))
    network(features(karate.x), Adjacencies(Neighbourhoods(karate)), [everyone] * 4)
    unseen = {slot for slot, held in network.quantizers() if not getattr(held, "batches", 1)}
    of_nodes = {(i, slot) for i in range(2) for slot in network.layers[i].spec.rows}
    assert unseen == of_nodes | {(2, "input")}


def test_each_layer_has_its_own_mask(karate: Graph) -> None:
    network = network_of(karate, scheme("qat", bits=2, model=ModelSpec(dropout=0)))
    adjacencies, x = Adjacencies(Neighbourhoods(karate)), features(karate.x)
    everyone = ProtectedRows(torch.ones(karate.nodes, dtype=torch.bool))
    with network.recording() as free:
        network(x, adjacencies)
    with network.recording() as seen:
        network(x, adjacencies, [None, everyone])
    assert torch.equal(seen[0, "output"], free[0, "output"])
    assert torch.equal(seen[1, "input"], seen[0, "output"].relu())
    with pytest.raises(ValueError, match="zip"):
        network(x, adjacencies, [None, everyone, None])


@every_model
def test_recording_sees_every_slot_and_ends(karate: Graph, model: ModelSpec) -> None:
    network = network_of(karate, scheme("qat", bits=4, model=model))
    adjacencies, x = Adjacencies(Neighbourhoods(karate)), features(karate.x)
    with network.recording() as seen:
        scores = network(x, adjacencies)
    last = model.depth - 1
    assert set(seen) == slots_of(network)
    assert torch.equal(seen[last, "output"], scores)
    assert not seen[last, "output"].requires_grad
    assert len(scores) == (karate.nodes if model.pool == "none" else 1)
    held = dict(seen)
    network(x, adjacencies)
    assert all(seen[slot] is held[slot] for slot in held)
    assert all(not layer.quantizers["input"]._forward_hooks for layer in network.layers)


@every_model
def test_parameters_of_every_slot(karate: Graph, model: ModelSpec) -> None:
    network = network_of(karate, scheme("qat", bits=4, model=model))
    with pytest.raises(ValueError, match="has no range"):
        network.qparams()
    network(features(karate.x), Adjacencies(Neighbourhoods(karate)))
    params = network.qparams()
    assert set(params) == slots_of(network)
    assert [slot for slot, held in params.items() if held is None] == [(model.depth - 1, "output")]
    other = network_of(karate, scheme("qat", bits=4, model=model))
    other.load_qparams(params)
    for slot, held in other.qparams().items():
        if held is not None:
            assert held.scale.tobytes() == params[slot].scale.tobytes()
            assert held.zero.tobytes() == params[slot].zero.tobytes()
    with pytest.raises(ValueError, match="wanted the parameters of"):
        network_of(karate, scheme("qat", bits=5, model=model)).load_qparams(params)
    with pytest.raises(ValueError, match="accepts no parameters"):
        network_of(karate, scheme("float", model=model)).load_qparams(params)


@settings(max_examples=30)
@given(graph=..., model=st.sampled_from(MODELS), data=st.data())
def test_state_and_pickle_make_the_same_network(
    graph: Graph, model: ModelSpec, data: st.DataObject
) -> None:
    layers = model.layer_specs(graph.features, graph.classes)
    quant = [
        data.draw(st.from_type(LayerQuant)).map(
            lambda c, spec, rows=rows: spec if c in rows else replace(spec, buckets=())
        )
        for rows in of_nodes(layers)
    ]
    network, fresh = (Network(layers, quant, seeded(seed)) for seed in range(2))
    adjacencies = Adjacencies(Neighbourhoods(replace(graph, edge_weight=None)))
    x = features(graph.x)
    network(x, adjacencies)
    fresh.load_state_dict(network.state_dict())
    expected = network.eval()(x, adjacencies)
    assert expected.isfinite().all()
    for twin in (fresh, pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin.eval()(x, adjacencies), expected)


def test_rows_of_graphs_have_no_widths_by_in_degree() -> None:
    layers = ModelSpec(operator="gin", pool="sum").layer_specs(3, 2)
    nested = QuantSpec(bits=8, buckets=(Bucket(degree=4, bits=4),))
    quant = [LayerQuant()] * len(layers)
    with pytest.raises(SpecError, match=r"quant\[3\].input.buckets"):
        Network(layers, [*quant[:3], LayerQuant(input=nested)], seeded())
