"""The whole network: PyG's stack where exact, its slots, its parameters, its round trips."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.nn import GCNConv

from engine.graphs import Graph, gcn_neighbours
from engine.learning.adjacency import Adjacency
from engine.learning.features import features
from engine.learning.network import Network
from engine.learning.protection import ProtectedRows
from engine.spec import COMPONENTS, LayerQuant, ModelSpec, RunSpec, scheme


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network_of(graph: Graph, spec: RunSpec, seed: int = 0) -> Network:
    network = Network(spec.model, spec.quant, graph.features, graph.classes, seeded(seed))
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
    scores = network(features(graph.x), Adjacency.of(gcn_neighbours(graph)))
    torch.testing.assert_close(scores, h, rtol=1e-4, atol=1e-5)
    upstream = torch.linspace(-1, 1, scores.numel()).view_as(scores)
    scores.backward(upstream)
    h.backward(upstream)
    for layer, twin in zip(network.layers, twins, strict=True):
        torch.testing.assert_close(
            layer.weight.grad, twin.lin.weight.grad.t(), rtol=1e-3, atol=1e-4
        )
        torch.testing.assert_close(layer.bias.grad, twin.bias.grad, rtol=1e-3, atol=1e-4)


@given(graph=...)
def test_sparse_and_dense_features_give_the_same(graph: Graph) -> None:
    model = ModelSpec(layers=3, hidden=4, residual=True, dropout=0)
    network = network_of(graph, scheme("float", model=model))
    adjacency = Adjacency.of(gcn_neighbours(graph))
    dense = network(dense_features(graph), adjacency)
    sparse = network(features(csr_array(graph.x)), adjacency)
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


def test_each_layer_has_its_own_mask(karate: Graph) -> None:
    network = network_of(karate, scheme("qat", bits=2, model=ModelSpec(dropout=0)))
    adjacency, x = Adjacency.of(gcn_neighbours(karate)), features(karate.x)
    everyone = ProtectedRows(torch.ones(karate.nodes, dtype=torch.bool))
    with network.recording() as free:
        network(x, adjacency)
    with network.recording() as seen:
        network(x, adjacency, [None, everyone])
    assert torch.equal(seen[0, "output"], free[0, "output"])
    assert torch.equal(seen[1, "input"], seen[0, "output"].relu())
    with pytest.raises(ValueError, match="zip"):
        network(x, adjacency, [None, everyone, None])


def test_recording_sees_every_slot_and_ends(karate: Graph) -> None:
    network = network_of(karate, scheme("qat", bits=4, model=ModelSpec(layers=3)))
    adjacency, x = Adjacency.of(gcn_neighbours(karate)), features(karate.x)
    with network.recording() as seen:
        scores = network(x, adjacency)
    assert set(seen) == {(layer, name) for layer in range(3) for name in COMPONENTS}
    assert torch.equal(seen[2, "output"], scores)
    assert not seen[2, "output"].requires_grad
    held = dict(seen)
    network(x, adjacency)
    assert all(seen[slot] is held[slot] for slot in held)
    assert all(not layer.quantizers["input"]._forward_hooks for layer in network.layers)


def test_parameters_of_every_slot(karate: Graph) -> None:
    network = network_of(karate, scheme("qat", bits=4))
    with pytest.raises(ValueError, match="has no range"):
        network.qparams()
    network(features(karate.x), Adjacency.of(gcn_neighbours(karate)))
    params = network.qparams()
    assert set(params) == {(layer, name) for layer in range(2) for name in COMPONENTS}
    assert [slot for slot, held in params.items() if held is None] == [(1, "output")]
    other = network_of(karate, scheme("qat", bits=4))
    other.load_qparams(params)
    for slot, held in other.qparams().items():
        if held is not None:
            assert held.scale.tobytes() == params[slot].scale.tobytes()
            assert held.zero.tobytes() == params[slot].zero.tobytes()
    with pytest.raises(ValueError, match="wanted the parameters of"):
        network_of(karate, scheme("qat", bits=5)).load_qparams(params)
    with pytest.raises(ValueError, match="accepts no parameters"):
        network_of(karate, scheme("float")).load_qparams(params)


@given(graph=..., quant=st.tuples(st.from_type(LayerQuant), st.from_type(LayerQuant)))
def test_state_and_pickle_make_the_same_network(
    graph: Graph, quant: tuple[LayerQuant, LayerQuant]
) -> None:
    spec = RunSpec(model=ModelSpec(hidden=3), quant=quant)
    network = network_of(graph, spec)
    adjacency, x = Adjacency.of(gcn_neighbours(graph)), features(graph.x)
    network(x, adjacency)
    fresh = network_of(graph, spec, 7)
    fresh.load_state_dict(network.state_dict())
    expected = network.eval()(x, adjacency)
    assert expected.isfinite().all()
    for twin in (fresh, pickle.loads(pickle.dumps(network))):
        assert torch.equal(twin.eval()(x, adjacency), expected)
