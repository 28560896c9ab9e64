"""Some graphs of a set, against cutting them out one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.graphs import Graph, GraphError, khop, subset


@st.composite
def sets(draw: st.DrawFn) -> Graph:
    """Draw a set of graphs of 0 to 4 nodes, weighted or not, for classes or for targets."""
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6).filter(any))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs: list[tuple[int, int]] = []
    for first, size in zip(starts, sizes, strict=False):
        node = st.integers(int(first), int(first) + size - 1)
        pairs += draw(st.lists(st.tuples(node, node), max_size=6)) if size else []
    count, edges, nodes = len(sizes), len(pairs), int(starts[-1])
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    x = rng.integers(0, 2, (nodes, 3)).astype(np.float32)
    part = rng.integers(0, 3, count)
    real = draw(st.booleans())
    return Graph(
        name="drawn",
        edge_index=np.array(pairs, dtype=np.int64).reshape(-1, 2).T.copy(),
        edge_weight=rng.random(edges, dtype=np.float32) if draw(st.booleans()) else None,
        x=csr_array(x) if draw(st.booleans()) else x,
        y=np.full(count, -1) if real else rng.integers(0, 2, count),
        train=part == 0,
        val=part == 1,
        test=part == 2,
        classes=0 if real else 2,
        starts=starts,
        targets=rng.random((count, 2), dtype=np.float32) if real else None,
    )


def dense(x: np.ndarray | csr_array) -> np.ndarray:
    return x.toarray() if isinstance(x, csr_array) else x


def cut_out(graph: Graph, chosen: list[int]) -> dict[str, list[object]]:
    """Return a set's arrays as plain lists, made graph by graph."""
    assert graph.starts is not None
    found: dict[str, list[object]] = {"edges": [], "weights": [], "x": [], "starts": [0]}
    for number in chosen:
        low, high = graph.starts[number : number + 2].tolist()
        before = len(found["x"])
        for edge, (source, target) in enumerate(graph.edge_index.T.tolist()):
            if low <= source < high:
                found["edges"].append([source - low + before, target - low + before])
                if graph.edge_weight is not None:
                    found["weights"].append(float(graph.edge_weight[edge]))
        found["x"] += dense(graph.x)[low:high].tolist()
        found["starts"].append(len(found["x"]))
    return found


@settings(max_examples=200, deadline=None)
@given(sets(), st.data())
def test_against_cutting_one_by_one(graph: Graph, data: st.DataObject) -> None:
    number = st.integers(0, graph.units - 1)
    chosen = data.draw(st.lists(number, min_size=1, max_size=8))
    twin = cut_out(graph, chosen)
    found = subset(graph, chosen)
    assert found.starts is not None
    assert found.name == graph.name
    assert found.starts.tolist() == twin["starts"]
    assert found.edge_index.T.tolist() == twin["edges"]
    assert (found.edge_weight is None) == (graph.edge_weight is None)
    if found.edge_weight is not None:
        assert found.edge_weight.tolist() == twin["weights"]
    assert type(found.x) is type(graph.x)
    assert dense(found.x).tolist() == twin["x"]
    for key in ("y", "train", "val", "test", "targets"):
        given_, kept = getattr(graph, key), getattr(found, key)
        assert (given_ is None) == (kept is None)
        if given_ is not None:
            np.testing.assert_array_equal(kept, given_[chosen])


@settings(deadline=None)
@given(sets())
def test_all_graphs_are_the_set_itself(graph: Graph) -> None:
    assert subset(graph, range(graph.units)).digest == graph.digest
    assert subset(graph, np.ones(graph.units, dtype=bool)).digest == graph.digest


@pytest.fixture
def three() -> Graph:
    return Graph(
        name="three",
        edge_index=np.array([[0, 2, 3], [1, 3, 2]]),
        x=np.arange(1, 6, dtype=np.float32)[:, None],
        y=np.array([0, 1, 1]),
        train=np.array([True, False, False]),
        val=np.array([False, True, False]),
        test=np.array([False, False, True]),
        classes=2,
        starts=np.array([0, 2, 4, 5]),
    )


def test_the_part_for_testing(three: Graph) -> None:
    part = subset(three, three.test)
    assert (part.units, part.nodes, part.edges, part.classes) == (1, 1, 0, 2)
    assert part.test.all()
    assert not (part.train | part.val).any()


def test_the_order_is_the_one_asked_for(three: Graph) -> None:
    part = subset(three, [1, 0])
    assert part.x[:, 0].tolist() == [3, 4, 1, 2]
    assert part.edge_index.tolist() == [[0, 1, 2], [1, 0, 3]]


def test_refusals(three: Graph) -> None:
    with pytest.raises(GraphError, match="three is one graph, wanted a set"):
        subset(replace(three, starts=None, **single(5)), [0])
    with pytest.raises(GraphError, match="the set has no graphs"):
        subset(three, three.test & three.train)
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        subset(three, [3])


def single(nodes: int) -> dict[str, np.ndarray]:
    number = np.arange(nodes)
    masks = {"train": number == 0, "val": number == 1, "test": number > 1}
    return {"y": number % 2, **masks}


def test_a_neighbourhood_stays_within_its_graph(three: Graph) -> None:
    found = khop(three, 3, hops=4, limit=10)
    assert sorted(found.nodes) == [2, 3]
    assert found.complete
