"""What a graph accepts, what it refuses, and its digest."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from engine.graphs import Graph, GraphError


@pytest.fixture
def graph() -> Graph:
    return Graph(
        name="four",
        edge_index=np.array([[0, 1, 1, 2], [1, 1, 2, 1]]),
        edge_weight=np.array([1, 0, 2.5, 1], dtype=np.float32),
        x=np.eye(4, dtype=np.float32),
        y=np.array([0, 1, 1, -1]),
        train=np.array([True, False, False, False]),
        val=np.array([False, True, False, False]),
        test=np.array([False, False, True, False]),
        classes=2,
    )


def test_counts(graph: Graph) -> None:
    assert (graph.nodes, graph.edges, graph.features, graph.classes) == (4, 4, 4, 2)
    assert repr(graph) == "Graph(name='four', nodes=4, edges=4, features=4, classes=2)"


def test_in_degree_counts_edges_as_given(graph: Graph) -> None:
    assert graph.in_degree.tolist() == [0, 3, 1, 0]
    assert graph.in_degree.dtype == np.int64
    assert replace(graph, edge_index=np.zeros((2, 0), int), edge_weight=None).in_degree.sum() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": np.zeros(0, int)}, "no nodes"),
        ({"edge_index": np.array([[0, 1], [1, 4]])}, "node 4, but nodes are numbered 0 to 3"),
        ({"edge_index": np.array([[0, 1], [1, -2]])}, "node -2"),
        ({"edge_index": np.zeros((3, 4), int)}, r"shape \(3, 4\)"),
        ({"edge_index": np.zeros((2, 4), np.int32)}, "int32"),
        ({"edge_weight": np.array([1, np.nan, 1, 1], np.float32)}, "edge_weight .* not finite"),
        ({"edge_weight": np.array([1, np.inf, 1, 1], np.float32)}, "edge_weight .* not finite"),
        ({"edge_weight": np.array([1, -0.5, 1, 1], np.float32)}, "holds -0.5"),
        ({"edge_weight": np.ones(3, np.float32)}, "edge_weight has shape"),
        ({"edge_weight": np.ones(4)}, "edge_weight holds float64"),
        ({"x": np.full((4, 2), np.nan, np.float32)}, "x holds a number that is not finite"),
        ({"x": csr_array(np.diag([1, np.inf, 0, 0]).astype(np.float32))}, "x holds .* not finite"),
        ({"x": np.ones((3, 2), np.float32)}, "x has shape"),
        ({"x": np.ones((4, 0), np.float32)}, "x has shape"),
        ({"x": np.ones((4, 2))}, "x holds float64"),
        ({"y": np.array([0, 1, 1, -2])}, "y holds -2"),
        ({"y": np.array([0, 1, 2, -1])}, "class 2, but there are 2 classes"),
        ({"train": np.zeros(4, bool)}, "train mask holds no node"),
        ({"val": np.zeros(4, bool)}, "val mask holds no node"),
        ({"test": np.zeros(4, bool)}, "test mask holds no node"),
        ({"train": np.array([True, False, False, True])}, "train mask holds nodes without a label"),
        ({"test": np.array([True, False, True, False])}, "overlap"),
        ({"test": np.ones(5, bool)}, "test has shape"),
        ({"test": np.array([0, 0, 1, 0])}, "test holds int64"),
    ],
)
def test_refusals_say_what_is_wrong(graph: Graph, change: dict[str, object], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        replace(graph, **change)


@pytest.mark.parametrize(
    "change",
    [
        {"edge_index": np.array([[0, 1, 1, 2], [1, 1, 2, 0]])},
        {"edge_weight": None},
        {"edge_weight": np.array([1, 0, 2.5, 2], dtype=np.float32)},
        {"x": 2 * np.eye(4, dtype=np.float32)},
        {"y": np.array([0, 1, 0, -1])},
        {"train": np.array([False, True, False, False]), "val": np.eye(4, dtype=bool)[0]},
        {"classes": 3},
    ],
)
def test_digest_follows_content(graph: Graph, change: dict[str, object]) -> None:
    assert replace(graph, **change).digest != graph.digest


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_digest_ignores_name_and_memory_layout(graph: Graph, share: float) -> None:
    x = (np.random.default_rng(0).random((4, 200)) < share).astype(np.float32)
    one = replace(graph, x=x)
    fortran = replace(
        one, name="other", x=np.asfortranarray(x), edge_index=graph.edge_index.T.copy().T
    )
    sparse = csr_array((np.zeros(4, np.float32), [0] * 4, range(5)), shape=x.shape) + csr_array(x)
    assert {one.digest, fortran.digest, replace(one, x=sparse).digest} == {one.digest}
    assert len(one.digest) == 64


def test_pickle_round_trip(graph: Graph) -> None:
    assert pickle.loads(pickle.dumps(graph)).digest == graph.digest
