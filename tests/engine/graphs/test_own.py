"""A person's own graph, from PyG data, networkx and arrays."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch_geometric.data import Data

from engine.graphs import GraphError, from_arrays, from_data, from_networkx

EDGES = np.array([[0, 1, 2, 2], [1, 2, 0, 0]])
Y = np.arange(30) % 3


def data_of(**changes: Any) -> Data:
    return Data(edge_index=torch.tensor(EDGES), y=torch.tensor(Y), **changes)


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


def test_data_with_everything() -> None:
    mask = torch.arange(30)
    data = data_of(
        x=torch.rand(30, 4, requires_grad=True),
        edge_weight=torch.tensor([1.0, 2, 3, 4], dtype=torch.float64),
        train_mask=mask < 5,
        val_mask=mask == 5,
        test_mask=mask > 20,
    )
    graph = from_data(data, name="mine")
    assert graph.name == "mine"
    np.testing.assert_array_equal(graph.edge_index, EDGES)
    np.testing.assert_array_equal(graph.x, data.x.detach())
    np.testing.assert_array_equal(graph.y, Y)
    assert graph.edge_weight is not None
    assert graph.edge_weight.tolist() == [1, 2, 3, 4]
    for part in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(graph, part), data[f"{part}_mask"])


@pytest.mark.parametrize(
    ("attribute", "weight"),
    [
        (torch.tensor([1.0, 2, 3, 4]), [1, 2, 3, 4]),
        (torch.tensor([[1], [2], [3], [4]]), [1, 2, 3, 4]),
        (torch.ones(4, 2), None),
    ],
)
def test_edge_attr_of_one_number_is_a_weight(
    attribute: torch.Tensor, weight: list[float] | None
) -> None:
    graph = from_data(data_of(edge_attr=attribute))
    assert (None if graph.edge_weight is None else graph.edge_weight.tolist()) == weight


@pytest.mark.parametrize(
    "x",
    [
        torch.eye(30).to_sparse(),
        torch.eye(30).to_sparse().coalesce(),
        torch.eye(30, dtype=torch.bfloat16),
        torch.eye(30, dtype=torch.int8),
        csr_array(np.eye(30)),
        np.eye(30),
        np.eye(30).tolist(),
    ],
)
def test_features_of_any_kind(x: Any) -> None:
    graph = from_data(data_of(x=x))
    assert isinstance(graph.x, csr_array)
    np.testing.assert_array_equal(graph.x.toarray(), np.eye(30))


def test_labels_in_a_column() -> None:
    graph = from_data(Data(edge_index=torch.tensor(EDGES), y=torch.tensor(Y)[:, None]))
    np.testing.assert_array_equal(graph.y, Y)


def test_data_without_edges_or_labels() -> None:
    with pytest.raises(GraphError, match="no edge_index"):
        from_data(Data(y=torch.tensor(Y)))
    with pytest.raises(GraphError, match="no labels"):
        from_data(Data(edge_index=torch.tensor(EDGES)))


def test_anything_with_the_attributes_will_do() -> None:
    given = SimpleNamespace(edge_index=EDGES, y=Y)
    assert from_data(given).digest == from_data(data_of()).digest


def test_no_torch_is_imported() -> None:
    program = (
        "import sys, numpy as np; from types import SimpleNamespace as S;"
        "import engine.graphs as g; from engine.spec import GraphSpec;"
        "g.from_data(S(edge_index=np.zeros((2, 0), int), y=np.arange(30) % 3));"
        "g.load_graph(GraphSpec());"
        "late = 'torch', 'torch_geometric', 'sklearn', 'networkx';"
        "print([module for module in late if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


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
