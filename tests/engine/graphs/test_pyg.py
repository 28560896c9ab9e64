"""A person's own graph or set from PyG data, without torch."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from torch_geometric.data import Batch, Data

from engine.graphs import GraphError, from_data

EDGES = np.array([[0, 1, 2, 2], [1, 2, 0, 0]])
Y = np.arange(30) % 3


def data_of(**changes: Any) -> Data:
    return Data(edge_index=torch.tensor(EDGES), y=torch.tensor(Y), **changes)


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


@st.composite
def data_lists(draw: st.DrawFn) -> list[Data]:
    """Draw ten graphs or more of 0 to 4 nodes, with two features and a class each."""
    graphs = []
    for label in range(draw(st.integers(10, 14))):
        nodes = draw(st.integers(int(label == 0), 4))
        node = st.integers(0, nodes - 1)
        edges = draw(st.lists(st.tuples(node, node), max_size=6)) if nodes else []
        pairs = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).T
        x = torch.arange(2.0 * nodes).reshape(nodes, 2) + label
        graphs.append(Data(edge_index=pairs, x=x, y=torch.tensor([label % 2])))
    return graphs


@settings(deadline=None)
@given(data_lists())
def test_a_list_is_the_union_that_pyg_makes(graphs: list[Data]) -> None:
    found = from_data(graphs)
    batch = Batch.from_data_list(graphs)
    x = found.x.toarray() if isinstance(found.x, csr_array) else found.x
    np.testing.assert_array_equal(found.edge_index, batch.edge_index)
    np.testing.assert_array_equal(x, batch.x)
    np.testing.assert_array_equal(found.y, batch.y)
    np.testing.assert_array_equal(found.starts, batch.ptr)
    np.testing.assert_array_equal(found.graph_of_node, batch.batch)
    assert found.edge_weight is None
    assert from_data(tuple(graphs)).digest == found.digest


def triangles(**changes: Any) -> list[Data]:
    """Return twenty triangles, of which the changes name the values of each."""
    graphs = []
    for place in range(20):
        graph = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]), y=place % 2, num_nodes=3)
        for key, values in changes.items():
            graph[key] = values[place]
        graphs.append(graph)
    return graphs


def test_a_list_without_masks_is_split_class_by_class() -> None:
    found = from_data(triangles(), name="mine")
    parts = found.train, found.val, found.test
    assert [np.bincount(found.y[part]).tolist() for part in parts] == [[8, 8], [1, 1], [1, 1]]
    assert (found.name, found.units, found.nodes, found.features) == ("mine", 20, 60, 1)


def test_a_list_with_masks_and_weights() -> None:
    place = np.arange(20)
    masks = {"train_mask": place < 5, "val_mask": place == 9, "test_mask": place > 12}
    weight = [torch.full((3,), float(number)) for number in place]
    found = from_data(triangles(edge_weight=weight, **masks))
    for part in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(found, part), masks[f"{part}_mask"])
    np.testing.assert_array_equal(found.edge_weight, np.repeat(place, 3))


def test_kinds_of_edges_in_a_list_are_no_weights() -> None:
    assert from_data(triangles(edge_attr=[torch.ones(3)] * 20)).edge_weight is None


@pytest.mark.parametrize(
    ("y", "width"),
    [(torch.rand(20), 1), (torch.rand(20, 1), 1), (torch.rand(20, 1, 4), 4), ([0.5] * 20, 1)],
)
def test_real_labels_are_targets(y: Any, width: int) -> None:
    found = from_data(triangles(y=y))
    assert found.targets is not None
    assert (found.classes, found.outputs) == (0, width)
    np.testing.assert_array_equal(
        found.targets, np.asarray(y).reshape(20, width).astype(np.float32)
    )
    assert [part.sum() for part in (found.train, found.val, found.test)] == [16, 2, 2]


ODD = [torch.ones(1, 2, dtype=torch.long)] * 20
FIRST = [None] * 19


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": [None] * 20}, "the graphs have no labels"),
        ({"y": [1, *FIRST]}, "graph 1 has no y, though another has"),
        ({"y": ODD}, "y of each graph holds 2 entries, wanted one class"),
        ({"y": [1.5, *ODD[1:]]}, "the y of the graphs do not fit together"),
        ({"x": [torch.ones(3, 2), *FIRST]}, "graph 1 has no x"),
        ({"x": [torch.ones(3, 1), *[torch.ones(3, 2)] * 19]}, "the x of the graphs do not fit"),
        ({"x": [torch.ones(2, 1)] * 20}, "graph 0: edge_index holds node 2"),
        ({"edge_index": [*FIRST, None]}, "no edge_index"),
        ({"edge_index": [EDGES.T] * 20}, r"graph 0: edge_index has shape \(4, 2\)"),
        ({"edge_index": [EDGES / 1] * 20}, "graph 0: edge_index holds float64"),
        ({"train_mask": [torch.ones(3, dtype=torch.bool)] * 20}, "train_mask of graph 0 holds 3"),
        ({"edge_weight": [torch.ones(2)] * 20}, "edge_weight has shape"),
    ],
)
def test_refusals_of_lists(change: dict[str, Any], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        from_data(triangles(**change))


def test_refusals_of_lists_without_graphs_or_nodes() -> None:
    with pytest.raises(GraphError, match="the list is empty"):
        from_data([])
    with pytest.raises(GraphError, match="graph 0 has neither x nor num_nodes"):
        from_data([SimpleNamespace(edge_index=EDGES, y=1)])


def test_real_labels_of_nodes_are_targets() -> None:
    data = Data(
        edge_index=torch.tensor([[0, 1], [1, 0]]),
        x=torch.ones(20, 1),
        y=torch.arange(20, dtype=torch.float64) / 2,
    )
    graph = from_data(data)
    assert (graph.classes, graph.outputs) == (0, 1)
    np.testing.assert_array_equal(graph.targets[:, 0], np.arange(20) / 2)
    data.y = torch.rand(20, 3)
    assert from_data(data).outputs == 3
