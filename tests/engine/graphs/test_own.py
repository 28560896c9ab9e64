"""A person's own graph or set, from networkx and arrays."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array

from engine.graphs import Graph, GraphError, from_arrays, from_networkx

EDGES = np.array([[0, 1, 2, 2], [1, 2, 0, 0]])
Y = np.arange(30) % 3


def test_missing_masks_divide_each_class() -> None:
    graph = from_arrays(edge_index=EDGES, y=np.repeat([0, 1, -1], [100, 50, 10]))
    parts = graph.train, graph.val, graph.test
    counts = [np.bincount(graph.y[part]).tolist() for part in parts]
    assert counts == [[10, 5], [10, 5], [80, 40]]


def test_missing_masks_leave_the_given_alone() -> None:
    train = np.arange(30) < 12
    graph = from_arrays(edge_index=EDGES, y=Y, train=train)
    np.testing.assert_array_equal(graph.train, train)
    assert (graph.val.sum(), graph.test.sum()) == (3, 15)
    assert not (train & (graph.val | graph.test)).any()


def test_the_seed_draws_the_masks() -> None:
    one, again, other = (from_arrays(edge_index=EDGES, y=Y, seed=seed) for seed in (1, 1, 2))
    assert one.digest == again.digest != other.digest


def test_missing_features_are_degree_buckets() -> None:
    edges = np.array([[1, 2, 3, 4, 5], [0, 0, 0, 1, 1]])
    graph = from_arrays(edge_index=edges, y=Y)
    dense = graph.x.toarray() if isinstance(graph.x, csr_array) else graph.x
    assert dense[:3].tolist() == [[0, 0, 1], [0, 0, 1], [1, 0, 0]]


def test_classes_may_be_more_than_seen() -> None:
    assert from_arrays(edge_index=EDGES, y=Y).classes == 3
    assert from_arrays(edge_index=EDGES, y=Y, classes=5).classes == 5


@pytest.mark.parametrize(
    "edges",
    [
        np.zeros((2, 0)),
        [[], []],
        np.array([[0, 0, 0], [0, 1, 1]]),
        np.array([[0], [29]], dtype=np.int32),
        np.array([[0, 3], [29, 1]], dtype=np.uint64).T.copy().T,
    ],
)
def test_odd_edges_work(edges: Any) -> None:
    graph = from_arrays(edge_index=edges, y=Y)
    assert graph.edges == np.asarray(edges).shape[1]
    assert graph.in_degree.sum() == graph.edges


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": None}, "no labels"),
        ({"y": []}, "no nodes"),
        ({"y": np.full(30, -1)}, "no node has a label"),
        ({"y": [0, 1]}, "node 2, but nodes are numbered 0 to 1"),
        ({"y": Y / 2}, "y holds float64 entries"),
        ({"y": np.eye(30, dtype=int)}, r"y has shape \(30, 30\)"),
        ({"y": np.array(["a"] * 30)}, "y holds <U1"),
        ({"y": np.array([0, 0])[[0] * 30]}, None),
        ({"y": [0]}, "node 2"),
        ({"y": [0, 1, 0], "edge_index": [[0], [1]]}, "val mask holds no node|test mask"),
        ({"edge_index": [[0, 1], [1, 30]]}, "node 30"),
        ({"edge_index": [0, 1, 2]}, r"edge_index has shape \(3,\)"),
        ({"edge_index": EDGES.T}, r"edge_index has shape \(4, 2\)"),
        ({"edge_index": EDGES / 1}, "edge_index holds float64"),
        ({"edge_weight": [1, 2, 3]}, "edge_weight has shape"),
        ({"edge_weight": [1, 2, 3, -4]}, "holds -4"),
        ({"edge_weight": [1, 2, 3, 1e300]}, "not finite"),
        ({"edge_weight": ["a", "b", "c", "d"]}, "edge_weight holds <U1"),
        ({"x": np.ones((29, 2))}, "x has shape"),
        ({"x": np.full((30, 2), 1e300)}, "x holds a number that is not finite"),
        ({"x": np.ones((30, 2, 2))}, "x has shape"),
        ({"x": np.full((30, 2), object())}, "x holds object"),
        ({"train": np.ones(30)}, "train mask has shape .* holds float64"),
        ({"val": np.ones((30, 10), bool)}, r"val mask has shape \(30, 10\)"),
        (
            {"train": np.arange(30) < 20, "val": (np.arange(30) > 10) & (np.arange(30) < 25)},
            "overlap",
        ),
        ({"train": np.ones(30, bool)}, "val mask holds no node"),
        ({"classes": 2}, "class 2, but there are 2 classes"),
    ],
)
def test_refusals_say_what_is_wrong(change: dict[str, Any], words: str | None) -> None:
    given = {"edge_index": EDGES, "y": Y, **change}
    if words is None:
        assert from_arrays(**given).classes == 1
        return
    with pytest.raises(GraphError, match=words):
        from_arrays(**given)


COUNT = 20
STARTS = np.arange(COUNT + 1) * 3
WITHIN = np.array([[0, 1, 2, 3, 57], [1, 2, 0, 4, 59]])


def set_of(**changes: Any) -> Graph:
    """Return twenty graphs of three nodes."""
    given = {"edge_index": WITHIN, "y": np.arange(COUNT) % 2, "starts": STARTS, **changes}
    return from_arrays(**given)


def test_missing_masks_divide_the_graphs_of_each_class() -> None:
    graph = set_of()
    parts = graph.train, graph.val, graph.test
    counts = [np.bincount(graph.y[part]).tolist() for part in parts]
    assert counts == [[8, 8], [1, 1], [1, 1]]
    np.testing.assert_array_equal(set_of().train, graph.train)


def test_edges_of_a_set_are_put_graph_by_graph() -> None:
    order = np.array([4, 0, 3, 1, 2])
    weight = np.arange(5.0)
    mixed = set_of(edge_index=WITHIN[:, order], edge_weight=weight[order])
    assert mixed.edge_weight is not None
    assert mixed.edge_index.T.tolist() == [[0, 1], [1, 2], [2, 0], [3, 4], [57, 59]]
    assert mixed.edge_weight.tolist() == weight.tolist()
    assert mixed.digest == set_of(edge_weight=weight).digest


def test_missing_features_of_a_set_are_standardised_in_degrees() -> None:
    graph = set_of()
    degree = np.bincount(WITHIN[1], minlength=3 * COUNT)
    x = graph.x.toarray() if isinstance(graph.x, csr_array) else graph.x
    expected = (degree - degree.mean()) / degree.std()
    np.testing.assert_allclose(x[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("width", [None, 1, 2])
def test_targets_stand_in_for_classes(width: int | None) -> None:
    goals = np.random.default_rng(0).random(COUNT if width is None else (COUNT, width))
    graph = set_of(y=None, targets=goals)
    assert (graph.classes, graph.outputs) == (0, width or 1)
    assert graph.targets is not None
    np.testing.assert_array_equal(graph.targets, goals.reshape(COUNT, -1).astype(np.float32))
    assert (graph.y == -1).all()
    assert [part.sum() for part in (graph.train, graph.val, graph.test)] == [16, 2, 2]


def test_targets_of_nodes() -> None:
    graph = from_arrays(edge_index=EDGES, targets=np.arange(30))
    assert (graph.units, graph.nodes, graph.outputs) == (30, 30, 1)
    assert [part.sum() for part in (graph.train, graph.val, graph.test)] == [3, 3, 24]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"starts": STARTS[:-1]}, "node 59, but nodes are numbered 0 to 56"),
        ({"starts": STARTS / 1}, "starts holds float64"),
        ({"starts": STARTS[:, None]}, "starts has shape"),
        ({"starts": []}, "starts holds float64"),
        ({"starts": STARTS + 1}, "starts must ascend from 0"),
        ({"starts": np.r_[0, 9, 6, STARTS[3:]]}, "starts must ascend"),
        ({"y": []}, "there are no graphs"),
        ({"y": None}, "no labels"),
        ({"y": np.full(COUNT, -1)}, "no graph has a label"),
        ({"y": np.zeros((COUNT, 2), int)}, "one class for each graph"),
        ({"train": np.ones(60, bool)}, "each of 20 graphs"),
        ({"train": np.ones(COUNT, bool)}, "the val mask holds no graph"),
        ({"edge_index": [[0], [3]]}, "edge 0 leads from graph 0 to graph 1"),
        ({"edge_index": [[9, 0], [9, 3]]}, "leads from graph 0 to graph 1"),
        ({"edge_index": [[9, 0], [9, 0]], "edge_weight": [1]}, "edge_weight has shape"),
        ({"targets": np.ones(COUNT)}, "2 classes beside targets"),
        ({"y": None, "targets": np.full(COUNT, np.nan)}, "targets holds .* not finite"),
        ({"y": None, "targets": np.ones(COUNT + 1)}, "starts has shape"),
        ({"y": None, "targets": np.ones((COUNT, 1, 1))}, "targets has shape"),
        ({"y": None, "targets": []}, "targets has shape"),
        ({"y": None, "targets": ["a"] * COUNT}, "targets holds <U1"),
    ],
)
def test_refusals_of_sets(change: dict[str, Any], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        set_of(**change)


def labelled(kind: type[nx.Graph], *edges: tuple[int, int]) -> nx.Graph:
    g = nx.empty_graph(30, create_using=kind)
    g.add_edges_from(edges)
    nx.set_node_attributes(g, {node: "cab"[node % 3] for node in g}, "y")
    return g


def pairs(graph: Any) -> list[tuple[int, int]]:
    return sorted(map(tuple, graph.edge_index.T.tolist()))


def test_networkx_undirected_goes_both_ways() -> None:
    graph = from_networkx(labelled(nx.Graph, (0, 1), (2, 2), (1, 5)))
    assert pairs(graph) == [(0, 1), (1, 0), (1, 5), (2, 2), (5, 1)]
    assert graph.edge_weight is None


def test_networkx_directed_and_repeated() -> None:
    assert pairs(from_networkx(labelled(nx.DiGraph, (0, 1), (1, 5)))) == [(0, 1), (1, 5)]
    graph = from_networkx(labelled(nx.MultiDiGraph, (0, 1), (0, 1)))
    assert pairs(graph) == [(0, 1), (0, 1)]
    graph = from_networkx(labelled(nx.MultiGraph, (0, 1), (0, 1)))
    assert pairs(graph) == [(0, 1), (0, 1), (1, 0), (1, 0)]


def test_networkx_labels_are_sorted_and_may_be_missing() -> None:
    g = labelled(nx.Graph, (0, 1))
    del g.nodes[4]["y"]
    g.nodes[5]["y"] = None
    graph = from_networkx(g)
    assert graph.y[:6].tolist() == [2, 0, 1, 2, -1, -1]
    assert graph.classes == 3


def test_networkx_labels_of_mixed_kinds() -> None:
    g = nx.empty_graph(30)
    nx.set_node_attributes(g, {node: [7, "a", (1, 2)][node % 3] for node in g}, "kind")
    assert from_networkx(g, label="kind").y[:3].tolist() == [0, 1, 2]


def test_networkx_weights() -> None:
    g = labelled(nx.Graph)
    g.add_edge(0, 1, weight=2.5)
    g.add_edge(1, 2)
    g.add_edge(3, 3, weight=4)
    graph = from_networkx(g)
    assert graph.edge_weight is not None
    weight = dict(zip(map(tuple, graph.edge_index.T.tolist()), graph.edge_weight, strict=True))
    assert weight == {(0, 1): 2.5, (1, 0): 2.5, (1, 2): 1, (2, 1): 1, (3, 3): 4}


def test_networkx_features() -> None:
    g = labelled(nx.Graph, (0, 1))
    nx.set_node_attributes(g, {node: [1.0, node] for node in g}, "x")
    nx.set_node_attributes(g, {node: node**2 for node in g}, "age")
    np.testing.assert_array_equal(from_networkx(g).x[:3], [[1, 0], [1, 1], [1, 2]])
    both = from_networkx(g, features=["age", "x"]).x
    np.testing.assert_array_equal(both[:3], [[0, 1, 0], [1, 1, 1], [4, 1, 2]])
    del g.nodes[3]["age"]
    with pytest.raises(GraphError, match="'age' must be on every node"):
        from_networkx(g, features="age")
    g.nodes[3]["age"] = "old"
    with pytest.raises(GraphError, match="'age' must be a number"):
        from_networkx(g, features="age")
    g.nodes[3]["x"] = [1.0]
    with pytest.raises(GraphError, match="'x' must be a number"):
        from_networkx(g)


def test_networkx_refusals() -> None:
    with pytest.raises(GraphError, match="no nodes"):
        from_networkx(nx.Graph())
    with pytest.raises(GraphError, match="none holds the attribute 'y'"):
        from_networkx(nx.path_graph(4))
    g = labelled(nx.Graph, (0, 1))
    g.nodes[0]["y"] = ["a"]
    with pytest.raises(GraphError, match="must hold one label"):
        from_networkx(g)
    g = labelled(nx.Graph)
    g.add_edge(0, 1, weight="heavy")
    with pytest.raises(GraphError, match="'weight' must be a number"):
        from_networkx(g)


def test_networkx_nodes_of_any_name_keep_their_order() -> None:
    g = nx.DiGraph([("b", "a"), ("a", "c")])
    nx.set_node_attributes(g, {"a": 0, "b": 0, "c": 0}, "y")
    graph = from_networkx(g, name="letters")
    assert pairs(graph) == [(0, 1), (1, 2)]
    assert graph.name == "letters"
