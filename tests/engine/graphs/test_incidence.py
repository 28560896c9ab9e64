"""Undirected edges, each once, against sets of pairs."""

from __future__ import annotations

from hypothesis import given

from engine.graphs import Graph, Neighbourhoods


@given(graph=...)
def test_every_pair_of_different_joined_nodes_once(graph: Graph) -> None:
    joined = {(min(e), max(e)) for e in graph.edge_index.T.tolist() if e[0] != e[1]}
    found = Neighbourhoods(graph).incidence
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert pairs == sorted(joined)
    assert found.pairs == len(joined)
    for node in range(graph.nodes):
        own = range(found.firsts[node], found.firsts[node + 1])
        assert [pairs[pair][1] for pair in own] == sorted(b for a, b in joined if a == node)
        others = found.by_second[found.seconds[node] : found.seconds[node + 1]]
        assert [pairs[pair][0] for pair in others] == sorted(a for a, b in joined if b == node)
