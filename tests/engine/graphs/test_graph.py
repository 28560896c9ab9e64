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


@pytest.fixture
def pair() -> Graph:
    """Return a set: a graph of two nodes, one of none, one of three."""
    return Graph(
        name="pair",
        edge_index=np.array([[1, 0, 3, 2], [0, 0, 4, 3]]),
        x=np.arange(5, dtype=np.float32)[:, None] + 1,
        y=np.array([0, 1, 0]),
        train=np.array([True, False, False]),
        val=np.array([False, True, False]),
        test=np.array([False, False, True]),
        classes=2,
        starts=np.array([0, 2, 2, 5]),
    )


def regression(graph: Graph) -> Graph:
    targets = np.arange(2 * graph.units, dtype=np.float32).reshape(-1, 2)
    return replace(graph, y=np.full(graph.units, -1), classes=0, targets=targets)


def test_counts_of_a_set(pair: Graph) -> None:
    assert (pair.is_set, pair.units, pair.nodes, pair.edges, pair.outputs) == (True, 3, 5, 4, 2)
    assert pair.graph_of_node.tolist() == [0, 0, 2, 2, 2]
    assert pair.edge_starts.tolist() == [0, 2, 2, 4]
    assert pair.in_degree.tolist() == [2, 0, 0, 1, 1]
    assert repr(pair) == ("Graph(name='pair', graphs=3, nodes=5, edges=4, features=1, classes=2)")
    assert repr(regression(pair)).endswith("features=1, targets=2)")


def test_counts_of_a_single_graph(graph: Graph) -> None:
    assert (graph.is_set, graph.units, graph.outputs) == (False, 4, 2)
    assert graph.graph_of_node.tolist() == [0] * 4
    assert graph.edge_starts.tolist() == [0, 4]


def test_targets_of_nodes_and_graphs(graph: Graph, pair: Graph) -> None:
    for given in (graph, pair):
        learned = regression(given)
        assert (learned.outputs, learned.classes) == (2, 0)
        assert learned.digest != replace(learned, targets=-learned.targets).digest


def test_a_part_of_a_set_may_have_empty_masks(pair: Graph) -> None:
    nothing = np.zeros(3, dtype=bool)
    assert not replace(pair, train=nothing, val=nothing).train.any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts": np.array([0, 2, 5])}, "starts has shape"),
        ({"starts": np.array([0, 2, 2, 5], dtype=np.int32)}, "starts holds int32"),
        ({"starts": np.array([1, 2, 2, 5])}, "starts must ascend from 0"),
        ({"starts": np.array([0, 3, 2, 5])}, "starts must ascend from 0"),
        ({"starts": np.array([0, 2, 2, 6])}, "x has shape"),
        ({"y": np.zeros(0, dtype=np.int64)}, "the set has no graphs"),
        ({"edge_index": np.array([[1, 1], [0, 2]])}, "edge 1 leads from graph 0 to graph 2"),
        ({"edge_index": np.array([[3, 1], [3, 0]])}, "must stand graph by graph"),
        ({"train": np.ones(5, dtype=bool)}, "train has shape"),
        ({"y": np.array([-1, 1, 0])}, "train mask holds graphs without a label"),
        ({"test": np.array([True, False, True])}, "overlap"),
        ({"targets": np.zeros((3, 1), dtype=np.float32)}, "2 classes beside targets, wanted 0"),
    ],
)
def test_refusals_of_sets(pair: Graph, change: dict[str, object], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        replace(pair, **change)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (np.zeros((3, 1)), "targets holds float64"),
        (np.zeros((5, 1), dtype=np.float32), "targets has shape"),
        (np.zeros(3, dtype=np.float32), "targets has shape"),
        (np.zeros((3, 0), dtype=np.float32), "targets has shape"),
        (np.full((3, 1), np.inf, dtype=np.float32), "targets holds a number that is not finite"),
    ],
)
def test_refusals_of_targets(pair: Graph, targets: np.ndarray, words: str) -> None:
    with pytest.raises(GraphError, match=words):
        replace(regression(pair), targets=targets)


def test_digest_follows_where_graphs_start(pair: Graph) -> None:
    moved = replace(pair, starts=np.array([0, 0, 2, 5]))
    assert len({pair.digest, moved.digest, regression(pair).digest}) == 3
    assert pickle.loads(pickle.dumps(pair)).digest == pair.digest


def test_digests_of_single_graphs_stay_as_they_were_before_there_were_sets(graph: Graph) -> None:
    assert graph.digest == "9d4c8b9a77c9bbe3c5af1699f4a041ceeeb12a7ba57f9aea0c4591102ae1b597"
