"""The karate club against PyTorch Geometric's."""

from __future__ import annotations

import numpy as np
from torch_geometric.datasets import KarateClub

from engine.graphs.karate import karate


def test_equals_pyg() -> None:
    graph, data = karate(), KarateClub()[0]
    theirs = set(map(tuple, data.edge_index.T.tolist()))
    assert set(map(tuple, graph.edge_index.T.tolist())) == theirs
    assert graph.edges == data.num_edges == 156
    np.testing.assert_array_equal(graph.x.toarray(), data.x.numpy())
    np.testing.assert_array_equal(graph.y, data.y.numpy())
    np.testing.assert_array_equal(graph.train, data.train_mask.numpy())


def test_split() -> None:
    graph = karate()
    assert (graph.train.sum(), graph.val.sum(), graph.test.sum()) == (4, 10, 20)
    assert np.bincount(graph.y[graph.val]).tolist() == [4, 4, 1, 1]


def test_released_graph_never_changes() -> None:
    assert karate().digest == "3d6910832abd582733aa61ae15da8d6958cbd22098cd2d857567248f1ed36c30"
