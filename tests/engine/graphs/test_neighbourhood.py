"""The k-hop neighbourhood against a plain search."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graphs import Graph, from_arrays, khop


def graph_of(nodes: int, edges: list[tuple[int, int]]) -> Graph:
    number = np.arange(nodes)
    return from_arrays(
        edge_index=np.array(edges, dtype=np.int64).reshape(-1, 2).T,
        y=number % 2,
        train=number == 0,
        val=number == 1,
        test=number > 1,
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    nodes = draw(st.integers(3, 12))
    node = st.integers(0, nodes - 1)
    return graph_of(nodes, draw(st.lists(st.tuples(node, node), max_size=40)))


@settings(deadline=None)
@given(graphs(), st.integers(0, 2), st.integers(0, 4), st.integers(1, 12), st.integers(0, 3))
def test_against_networkx(graph: Graph, node: int, hops: int, limit: int, seed: int) -> None:
    g = nx.MultiDiGraph()
    g.add_nodes_from(range(graph.nodes))
    g.add_edges_from(graph.edge_index.T.tolist())
    distance = nx.single_source_shortest_path_length(g.reverse(), node, cutoff=hops)

    found = khop(graph, node, hops, limit, seed)
    assert found.nodes[0] == node
    assert len(set(found.nodes.tolist())) == len(found.nodes) == min(limit, len(distance))
    assert found.complete == (len(distance) <= limit)
    assert found.hop.tolist() == [distance[each] for each in found.nodes.tolist()]
    assert (np.diff(found.hop) >= 0).all()
    inside = np.isin(graph.edge_index, found.nodes).all(axis=0)
    np.testing.assert_array_equal(found.edge, np.flatnonzero(inside))
    np.testing.assert_array_equal(found.nodes[found.edges], graph.edge_index[:, inside])


def test_sample_of_a_hub() -> None:
    star = graph_of(1000, [(leaf, 0) for leaf in range(1, 1000)])
    one, again, other = (khop(star, 0, 2, 50, seed) for seed in (1, 1, 2))
    assert len(one.nodes) == 50
    assert not one.complete
    np.testing.assert_array_equal(one.nodes, again.nodes)
    assert set(one.nodes) != set(other.nodes)
    assert one.nodes[1:].mean() == pytest.approx(500, abs=150)


def test_only_whom_the_node_hears() -> None:
    assert khop(graph_of(3, [(0, 1), (1, 2)]), 1, 5, 10).nodes.tolist() == [1, 0]


@pytest.mark.parametrize(("node", "hops", "limit"), [(3, 1, 1), (-1, 1, 1), (0, -1, 1), (0, 1, 0)])
def test_refusals(node: int, hops: int, limit: int) -> None:
    with pytest.raises(ValueError, match=r"no node|hops is"):
        khop(graph_of(3, []), node, hops, limit)
