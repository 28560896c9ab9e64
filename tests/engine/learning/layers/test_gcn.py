"""The GCN layer: PyG's own where exact, and each quantizer in its place."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import GCNConv

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.layers.layer import Layer
from engine.spec import LayerSpec


def spec_of(graph: Graph) -> LayerSpec:
    return LayerSpec(operator="gcn", inputs=graph.features, outputs=3)


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


def assert_same_as_pyg(
    layer_of, dense_features, same_as_twin, graph: Graph, *edges: Tensor | None
) -> None:
    layer, twin = layer_of(spec_of(graph)), GCNConv(graph.features, 3)
    with torch.no_grad():
        twin.lin.weight.copy_(layer.weight.t())
        twin.bias.copy_(layer.bias)
    same_as_twin(
        layer,
        twin,
        dense_features(graph),
        Adjacencies(Neighbourhoods(graph)),
        edges,
        lambda: {"weight": twin.lin.weight.grad.t(), "bias": twin.bias.grad},
    )


@settings(max_examples=150)
@given(graph=...)
def test_exact_layer_equals_pyg_on_an_edge_list(
    layer_of, dense_features, same_as_twin, graph: Graph
) -> None:
    assert_same_as_pyg(layer_of, dense_features, same_as_twin, graph, *edges_of(graph))


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled")
@settings(max_examples=100)
@given(graph=...)
def test_exact_layer_equals_pyg_on_a_sparse_adjacency(
    layer_of, dense_features, same_as_twin, graph: Graph
) -> None:
    """Without self-loops: PyG counts those of a sparse adjacency twice, of an edge list once."""
    others = graph.edge_index[0] != graph.edge_index[1]
    weight = None if graph.edge_weight is None else graph.edge_weight[others]
    loopless = replace(graph, edge_index=graph.edge_index[:, others].copy(), edge_weight=weight)
    edges = sparse_adjacency(loopless)
    assert_same_as_pyg(layer_of, dense_features, same_as_twin, loopless, edges)


@settings(max_examples=40)
@given(graph=..., bits=st.sampled_from([2, 4, 8]))
def test_each_quantizer_stands_in_its_place(
    in_place, on_grid, dense_features, graph: Graph, bits: int
) -> None:
    adjacencies = Adjacencies(Neighbourhoods(graph))
    adjacency = adjacencies.of("gcn")

    def expected(layer: Layer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        weights = adjacency.weights
        if weights is not None:
            spec = layer.edge_weight.qparams()
            assert (spec.spec.bits, spec.spec.signed, spec.zero) == (bits, False, 0)
            weights = on_grid(weights, spec)
        norm = hat["norm"].unsqueeze(1)
        return {
            "feature": hat["input"] @ hat["weight"],
            "norm": adjacency.coefficient,
            "message": norm * hat["feature"],
            "aggregate": norm * adjacency.sum(hat["message"], weights),
            "output": hat["aggregate"] + layer.bias,
        }

    in_place(spec_of(graph), adjacencies, dense_features(graph), bits, expected)
