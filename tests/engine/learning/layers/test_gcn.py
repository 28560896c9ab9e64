"""The GCN layer: PyG's own where exact, and each quantizer in its place."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch import Tensor
from torch_geometric.nn import GCNConv

from engine.affine import QParams
from engine.graphs import Graph, gcn_neighbours
from engine.learning.adjacency import Adjacency
from engine.learning.features import Features, features
from engine.learning.layers.gcn import GCNLayer
from engine.learning.protection import ProtectedRows
from engine.spec import COMPONENTS, Current, LayerQuant, MinMax, Percentile, QuantSpec

OnGrid = Callable[[Tensor, QParams], Tensor]
OUTPUTS = 3


def adjacency_of(graph: Graph) -> Adjacency:
    return Adjacency.of(gcn_neighbours(graph))


def layer_of(graph: Graph, quant: LayerQuant, **options: object) -> GCNLayer:
    layer = GCNLayer(graph.features, options.pop("outputs", OUTPUTS), quant, **options)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.weight.normal_(generator=generator)
        layer.bias.normal_(generator=generator)
    return layer


def dense_features(graph: Graph) -> Tensor:
    x = graph.x if isinstance(graph.x, np.ndarray) else graph.x.toarray()
    return torch.from_numpy(np.asarray(x, np.float32))


def pyg_twin(layer: GCNLayer) -> GCNConv:
    convolution = GCNConv(*layer.weight.shape)
    with torch.no_grad():
        convolution.lin.weight.copy_(layer.weight.t())
        convolution.bias.copy_(layer.bias)
    return convolution


def edges_of(graph: Graph) -> tuple[Tensor, Tensor | None]:
    weight = None if graph.edge_weight is None else torch.from_numpy(graph.edge_weight)
    return torch.from_numpy(graph.edge_index), weight


def sparse_adjacency(graph: Graph) -> Tensor:
    """Return the transposed adjacency that PyG takes, repeated edges summed."""
    index, weight = edges_of(graph)
    values = torch.ones(graph.edges) if weight is None else weight
    size = (graph.nodes, graph.nodes)
    transposed = torch.sparse_coo_tensor(index.flip(0), values, size, check_invariants=False)
    return transposed.coalesce().to_sparse_csr()


def assert_same_as_pyg(graph: Graph, *edges: Tensor | None) -> None:
    layer = layer_of(graph, LayerQuant(), last=True)
    convolution = pyg_twin(layer)
    dense = dense_features(graph)
    one, other = dense.clone().requires_grad_(), dense.clone().requires_grad_()
    found, expected = layer(one, adjacency_of(graph)), convolution(other, *edges)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    upstream = torch.linspace(-1, 2, found.numel()).view_as(found)
    found.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.bias.grad, convolution.bias.grad, rtol=1e-4, atol=1e-5)
    of_weight = convolution.lin.weight.grad.t()
    torch.testing.assert_close(layer.weight.grad, of_weight, rtol=1e-4, atol=1e-5)


@settings(max_examples=150)
@given(graph=...)
def test_exact_layer_equals_pyg_on_an_edge_list(graph: Graph) -> None:
    assert_same_as_pyg(graph, *edges_of(graph))


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")
@settings(max_examples=100)
@given(graph=...)
def test_exact_layer_equals_pyg_on_a_sparse_adjacency(graph: Graph) -> None:
    """Without self-loops: PyG counts those of a sparse adjacency twice, of an edge list once."""
    others = graph.edge_index[0] != graph.edge_index[1]
    weight = None if graph.edge_weight is None else graph.edge_weight[others]
    loopless = replace(graph, edge_index=graph.edge_index[:, others].copy(), edge_weight=weight)
    assert_same_as_pyg(loopless, sparse_adjacency(loopless))


@given(graph=...)
def test_sparse_and_dense_features_give_the_same(graph: Graph) -> None:
    adjacency = adjacency_of(graph)
    quant = LayerQuant(input=QuantSpec(bits=8, range=Percentile(tail=0.01)))
    layer = layer_of(graph, quant, last=True)
    twin = pickle.loads(pickle.dumps(layer))
    mask = ProtectedRows(torch.arange(graph.nodes) % 3 == 0)
    dense, sparse = dense_features(graph), features(csr_array(graph.x))
    torch.testing.assert_close(layer(dense, adjacency, mask), twin(sparse, adjacency, mask))
    if mask.others(dense).any():
        assert layer.quantizers["input"].scale == twin.quantizers["input"].scale


def test_hidden_and_residual_layers(karate: Graph) -> None:
    adjacency, x = adjacency_of(karate), dense_features(karate)
    width = karate.features
    last = layer_of(karate, LayerQuant(), outputs=width, last=True)
    hidden = layer_of(karate, LayerQuant(), outputs=width)
    residual = layer_of(karate, LayerQuant(), outputs=width, residual=True)
    out = last(x, adjacency)
    assert (out < 0).any()
    assert torch.equal(hidden(x, adjacency), out.relu())
    assert torch.equal(residual(x, adjacency), out.relu() + x)


def test_dropout_is_in_training_only_and_after_the_inputs_quantizer(karate: Graph) -> None:
    adjacency, x = adjacency_of(karate), dense_features(karate)
    quant = LayerQuant(input=QuantSpec(bits=8, range=MinMax()))
    layer = layer_of(karate, quant, last=True, dropout=0.5)
    with_noise = layer(x, adjacency, None, torch.Generator().manual_seed(0))
    again = layer(x, adjacency, None, torch.Generator().manual_seed(0))
    assert torch.equal(with_noise, again)
    assert layer.quantizers["input"].qparams().scale == np.float32(1) / np.float32(255)
    layer.eval()
    torch.testing.assert_close(layer(x, adjacency), pyg_twin(layer)(x, *edges_of(karate)))


def record(layer: GCNLayer, *arguments: object) -> dict[str, tuple[Tensor, Tensor]]:
    """Return what entered and left each quantizer of a forward."""
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    hooks = [
        held.register_forward_hook(
            lambda _module, inputs, x_hat, name=name: seen.__setitem__(name, (inputs[0], x_hat))
        )
        for name, held in layer.quantizers.items()
    ]
    layer(*arguments)
    for hook in hooks:
        hook.remove()
    return seen


def all_quantized(bits: int) -> LayerQuant:
    held = QuantSpec(bits=bits)
    weight = QuantSpec(bits=bits, granularity="channel", range=Current())
    return LayerQuant(**{**dict.fromkeys(COMPONENTS, held), "weight": weight})


@given(graph=..., bits=st.sampled_from([2, 4, 8]))
def test_each_quantizer_stands_in_its_place(on_grid: OnGrid, graph: Graph, bits: int) -> None:
    layer, adjacency = layer_of(graph, all_quantized(bits), last=True), adjacency_of(graph)
    layer(dense_features(graph), adjacency)
    layer.eval()
    seen = record(layer, dense_features(graph), adjacency)
    assert set(seen) == set(COMPONENTS)
    for name, (real, x_hat) in seen.items():
        params = layer.quantizers[name].qparams()
        assert torch.equal(x_hat, on_grid(real, params))
    hat = {name: x_hat for name, (_, x_hat) in seen.items()}
    weights = adjacency.weights
    if weights is not None:
        spec = layer.edge_weight.qparams()
        assert (spec.spec.bits, spec.spec.signed, spec.zero) == (bits, False, 0)
        weights = on_grid(weights, spec)
    expected = {
        "input": dense_features(graph),
        "weight": layer.weight,
        "feature": hat["input"] @ hat["weight"],
        "norm": adjacency.coefficient,
        "message": hat["norm"].unsqueeze(1) * hat["feature"],
        "aggregate": hat["norm"].unsqueeze(1) * adjacency.sum(hat["message"], weights),
        "output": hat["aggregate"] + layer.bias,
    }
    for name, real in expected.items():
        torch.testing.assert_close(seen[name][0], real, rtol=1e-5, atol=1e-5)


@given(graph=..., data=st.data())
def test_protected_rows_pass_and_weights_and_norms_do_not(
    on_grid: OnGrid, graph: Graph, data: st.DataObject
) -> None:
    """A message is protected by its source, aggregate and output by the receiving node."""
    drawn = data.draw(st.lists(st.booleans(), min_size=graph.nodes, max_size=graph.nodes))
    mask = torch.tensor(drawn)
    layer = layer_of(graph, all_quantized(2), last=True)
    layer(dense_features(graph), adjacency_of(graph))
    x: Features = features(graph.x)
    seen = record(layer, x, adjacency_of(graph), ProtectedRows(mask))
    for name, (real, x_hat) in seen.items():
        params = layer.quantizers[name].qparams()
        moved = on_grid(real, params)
        protected = mask
        if name in ("weight", "norm"):
            protected = torch.zeros(len(real), dtype=torch.bool)
        elif name == "input" and not isinstance(x, Tensor):
            protected = mask[x.row]
        assert torch.equal(x_hat[protected], real[protected])
        assert torch.equal(x_hat[~protected], moved[~protected])


def test_a_tensor_that_never_sees_a_range_says_so(karate: Graph) -> None:
    layer = layer_of(karate, all_quantized(8), last=True)
    for name in COMPONENTS:
        with pytest.raises(ValueError, match="has no range"):
            layer.quantizers[name].qparams()


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_state_and_pickle_make_the_same_layer(karate: Graph, bits: int) -> None:
    adjacency, x = adjacency_of(karate), dense_features(karate)
    layer = layer_of(karate, all_quantized(bits))
    layer(x, adjacency)
    fresh = GCNLayer(karate.features, OUTPUTS, all_quantized(bits))
    fresh.load_state_dict(layer.state_dict())
    for twin in (fresh, pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin.eval()(x, adjacency), layer.eval()(x, adjacency))
