"""Incoming rows of each operator, and the GCN's coefficients, against PyTorch Geometric's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn.conv.gcn_conv import gcn_norm
from torch_geometric.utils import add_remaining_self_loops

from engine.graphs import Graph, Neighbourhoods, Neighbours, from_arrays, gcn_neighbours
from engine.graphs.neighbours import (
    UNWEIGHTED,
    joined_neighbours,
    looped_neighbours,
    plain_neighbours,
)
from engine.spec import SpecError


def graph_of(nodes: int, edges: list[tuple[int, int]], weights: list[float] | None = None) -> Graph:
    """Return a graph with arbitrary features and split."""
    return from_arrays(
        edge_index=np.array(edges, dtype=np.int64).reshape(-1, 2).T,
        edge_weight=weights,
        y=np.arange(nodes) % 2,
        train=np.arange(nodes) == 0,
        val=np.arange(nodes) == 1,
        test=np.arange(nodes) > 1,
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.integers(3, 9))
    node = st.integers(0, nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=30))
    size = len(edges)
    weight = st.just(0.0) | st.floats(0.125, 100, width=32)
    weights = draw(st.none() | st.lists(weight, min_size=size, max_size=size))
    return graph_of(nodes, edges, weights)


def edge_coefficients(neighbours: Neighbours) -> np.ndarray:
    """Return coefficient_i weight_ij coefficient_j for each edge in the rows."""
    both = neighbours.coefficient[neighbours.targets()] * neighbours.coefficient[neighbours.source]
    return both if neighbours.weight is None else both * neighbours.weight


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_every_edge_as_in_pyg(graph: Graph) -> None:
    weight = None if graph.edge_weight is None else torch.from_numpy(graph.edge_weight)
    index, value = gcn_norm(
        torch.from_numpy(graph.edge_index), weight, graph.nodes, add_self_loops=True
    )
    neighbours = gcn_neighbours(graph)
    order = neighbours.order
    assert order is not None
    np.testing.assert_array_equal(neighbours.source, index[0].numpy()[order])
    np.testing.assert_array_equal(neighbours.targets(), index[1].numpy()[order])
    expected = value.numpy()[order]
    np.testing.assert_allclose(edge_coefficients(neighbours), expected, rtol=2e-6, atol=1e-30)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_rows_against_a_plain_loop(graph: Graph) -> None:
    weights = np.ones(graph.edges) if graph.edge_weight is None else graph.edge_weight
    loops = dict.fromkeys(range(graph.nodes), 1.0)
    rows: dict[int, list[tuple[int, float]]] = {node: [] for node in range(graph.nodes)}
    for source, target, weight in zip(*graph.edge_index.tolist(), weights.tolist(), strict=True):
        if source == target:
            loops[source] = weight
        else:
            rows[target].append((source, weight))
    neighbours = gcn_neighbours(graph)
    assert neighbours.edges == sum(map(len, rows.values())) + graph.nodes
    for node, row in rows.items():
        row.append((node, loops[node]))
        row.sort(key=lambda edge: edge[0])
        part = slice(neighbours.rowptr[node], neighbours.rowptr[node + 1])
        assert neighbours.source[part].tolist() == [source for source, _ in row]
        if neighbours.weight is not None:
            assert neighbours.weight[part].tolist() == [weight for _, weight in row]
        degree = sum(weight for _, weight in row)
        expected = degree**-0.5 if degree else 0
        np.testing.assert_allclose(neighbours.coefficient[node], expected, rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_transposed_is_the_transposed_matrix(graph: Graph) -> None:
    neighbours = gcn_neighbours(graph)
    back = neighbours.transposed()

    def dense(rows: Neighbours) -> np.ndarray:
        matrix = np.zeros((graph.nodes, graph.nodes))
        weight = np.ones(rows.edges) if rows.weight is None else rows.weight
        np.add.at(matrix, (rows.targets(), rows.source), weight)
        return matrix

    np.testing.assert_allclose(dense(back), dense(neighbours).T, rtol=1e-12)
    np.testing.assert_array_equal(neighbours.source[back.order], back.targets())
    np.testing.assert_array_equal(neighbours.targets()[back.order], back.source)
    assert back.coefficient is neighbours.coefficient


def test_types_and_sorted_rows() -> None:
    graph = graph_of(4, [(3, 0), (1, 0), (2, 0), (1, 0)])
    neighbours = gcn_neighbours(graph)
    assert neighbours.rowptr.dtype == np.int64
    assert neighbours.source.dtype == np.int32
    assert neighbours.coefficient.dtype == np.float32
    assert neighbours.weight is None
    assert neighbours.rowptr.tolist() == [0, 5, 6, 7, 8]
    assert neighbours.source[:5].tolist() == [0, 1, 1, 2, 3]
    assert neighbours.nodes == 4


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_elastic_joins_both_ends_of_each_edge_once(graph: Graph) -> None:
    ends = graph.edge_index.T.tolist()
    loops = {(node, node) for node in range(graph.nodes)}
    joined = {(a, b) for a, b in ends} | {(b, a) for a, b in ends} | loops
    neighbours = joined_neighbours(graph)
    found = zip(neighbours.source.tolist(), neighbours.targets().tolist(), strict=True)
    assert sorted(found) == sorted(joined)
    degree = np.bincount([target for _, target in joined], minlength=graph.nodes)
    np.testing.assert_allclose(neighbours.coefficient, degree**-0.5, rtol=1e-6)
    assert neighbours.weight is None
    if sorted(map(tuple, ends)) == sorted(joined - loops):
        plain = gcn_neighbours(graph)
        np.testing.assert_array_equal(neighbours.source, plain.source)
        np.testing.assert_array_equal(neighbours.coefficient, plain.coefficient)


def test_of_several_self_loops_the_last_counts() -> None:
    neighbours = gcn_neighbours(graph_of(3, [(1, 1), (1, 1)], [5, 7]))
    assert neighbours.weight is not None
    assert neighbours.weight.tolist() == [1, 7, 1]


def test_a_node_whose_weights_are_all_zero_has_coefficient_zero() -> None:
    neighbours = gcn_neighbours(graph_of(3, [(1, 1), (0, 1)], [0, 0]))
    assert neighbours.coefficient.tolist() == [1, 0, 1]


@pytest.mark.parametrize("weights", [None, []])
def test_no_edges_leaves_self_loops(weights: list[float] | None) -> None:
    neighbours = gcn_neighbours(graph_of(3, [], weights))
    assert neighbours.source.tolist() == [0, 1, 2]
    assert neighbours.coefficient.tolist() == [1, 1, 1]


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_attention_looks_at_the_edges_of_pyg(graph: Graph) -> None:
    index, _ = add_remaining_self_loops(torch.from_numpy(graph.edge_index), num_nodes=graph.nodes)
    neighbours = looped_neighbours(graph)
    order = neighbours.order
    assert order is not None
    np.testing.assert_array_equal(neighbours.source, index[0].numpy()[order])
    np.testing.assert_array_equal(neighbours.targets(), index[1].numpy()[order])
    assert neighbours.weight is None
    assert neighbours.coefficient is None


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_attention_looks_where_the_gcn_sums(graph: Graph) -> None:
    attended, summed = looped_neighbours(graph), gcn_neighbours(graph)
    for name in ("rowptr", "source", "order"):
        np.testing.assert_array_equal(getattr(attended, name), getattr(summed, name))
        assert getattr(attended, name).dtype == getattr(summed, name).dtype


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_plain_rows_hold_the_edges_as_given(graph: Graph) -> None:
    neighbours = plain_neighbours(graph)
    assert neighbours.edges == graph.edges
    assert neighbours.coefficient is None
    weights = [1.0] * graph.edges if graph.edge_weight is None else graph.edge_weight.tolist()
    edges = list(zip(*graph.edge_index.tolist(), weights, strict=True))
    for node in range(graph.nodes):
        part = slice(neighbours.rowptr[node], neighbours.rowptr[node + 1])
        row = sorted((edge for edge in edges if edge[1] == node), key=lambda edge: edge[0])
        assert neighbours.source[part].tolist() == [source for source, _, _ in row]
        if neighbours.weight is not None:
            assert neighbours.weight[part].tolist() == [weight for _, _, weight in row]
    assert neighbours.order is not None
    given_targets = graph.edge_index[1][neighbours.order]
    np.testing.assert_array_equal(neighbours.targets(), given_targets)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.sampled_from(["gat", "gin"]))
def test_unweighted_rows_transpose(graph: Graph, operator: str) -> None:
    neighbours = (looped_neighbours if operator == "gat" else plain_neighbours)(graph)
    back = neighbours.transposed()
    np.testing.assert_array_equal(neighbours.source[back.order], back.targets())
    np.testing.assert_array_equal(neighbours.targets()[back.order], back.source)
    assert back.coefficient is None


def test_each_operator_has_its_own_rows() -> None:
    graph = graph_of(3, [(1, 1), (1, 1), (0, 1), (0, 1), (2, 0)])
    rows = Neighbourhoods(graph)
    assert rows.of("gcn").source.tolist() == [0, 2, 0, 0, 1, 2]
    assert rows.of("gat").source.tolist() == [0, 2, 0, 0, 1, 2]
    assert rows.of("sage").source.tolist() == [2, 0, 0, 1, 1]
    assert rows.of("sage").rowptr.tolist() == [0, 1, 5, 5]


def test_rows_are_made_once_and_shared() -> None:
    rows = Neighbourhoods(graph_of(3, [(0, 1)]))
    assert rows.of("gin") is rows.of("gin")
    assert rows.of("gin") is rows.of("sage")
    assert rows.of("gat") is not rows.of("gin")


def test_one_graph_is_one_pool() -> None:
    graph = graph_of(5, [(0, 1)])
    assert Neighbourhoods(graph).pools.tolist() == [0, 5]
    pools = np.array([0, 2, 2, 5])
    assert Neighbourhoods(graph, pools).pools is pools


@pytest.mark.parametrize("operator", UNWEIGHTED)
def test_edge_weights_are_refused_where_undefined(operator: str) -> None:
    rows = Neighbourhoods(graph_of(3, [(0, 1)], [2]))
    with pytest.raises(SpecError, match=f"with edge weights', accepts one without, for {operator}"):
        rows.of(operator)
    assert rows.of("gcn").weight is not None


def test_a_linear_layer_has_no_neighbours() -> None:
    with pytest.raises(SpecError, match="operator: got 'linear', accepts one of gcn, gat"):
        Neighbourhoods(graph_of(3, [])).of("linear")
