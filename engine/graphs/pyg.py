"""A person's own graph or set of graphs from PyTorch Geometric's ``Data``, without importing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph, GraphError, check_edges
from engine.graphs.own import from_arrays


def from_data(data: Any, *, name: str = "own", seed: int = 0) -> Graph:
    """Return the graph of a ``Data``, or of anything with its attributes, or the set of a list.

    Read are ``edge_index``, ``y``, ``x``, ``edge_weight``, ``train_mask``, ``val_mask`` and
    ``test_mask``. What is missing is filled in as by `from_arrays`. Neither torch nor PyG is
    imported. A ``y`` of integers holds classes, one of real numbers targets.

    In a single ``Data`` an ``edge_attr`` of one number an edge stands for a missing
    ``edge_weight``; of more it is left aside, since a GCN has no use for them.

    A list or tuple of ``Data`` is a set of graphs: the ``y`` of each is one integer, its class, or
    else real numbers, its targets; its masks are one truth value each; without ``x`` it says its
    ``num_nodes``. An ``edge_attr`` is left aside, since in sets it tells kinds of edges, not
    weights.

    Args:
        data: The data, or a list of them.
        name: What to call the graph.
        seed: Seed of the masks, if any is missing.

    Raises:
        GraphError: If the graph cannot be learned on.
    """
    given = _side_by_side(data) if isinstance(data, Sequence) else _alone(data)
    return from_arrays(**given, name=name, seed=seed)


def _alone(data: Any) -> dict[str, Any]:
    """Return the arrays of one graph as `from_arrays` takes them."""
    held = _held(data)
    attribute = _numpy(getattr(data, "edge_attr", None))
    y = None if held["y"] is None else np.asarray(held["y"])
    if y is not None and y.dtype.kind == "f":
        held |= {"targets": y, "y": None}
    if held["edge_weight"] is None and attribute is not None:
        attribute = np.asarray(attribute)
        held["edge_weight"] = attribute.ravel() if attribute.shape[1:] in ((), (1,)) else None
    return held


def _side_by_side(graphs: Sequence[Any]) -> dict[str, Any]:
    """Return the arrays of many graphs as `from_arrays` takes those of a set."""
    if not graphs:
        raise GraphError("the list is empty, wanted graphs")
    each = [_held(graph) for graph in graphs]
    nodes = []
    for place, (graph, held) in enumerate(zip(graphs, each, strict=True)):
        x = held["x"]
        count = getattr(graph, "num_nodes", None) if x is None else np.shape(x)[0]
        if count is None:
            raise GraphError(f"graph {place} has neither x nor num_nodes")
        nodes.append(int(count))
        held["edge_index"] = _local(place, held["edge_index"], nodes[-1])
        for part in ("train", "val", "test"):
            if held[part] is not None:
                held[part] = _single(place, f"{part}_mask", held[part])
    starts = np.concatenate([[0], np.cumsum(nodes, dtype=np.int64)])
    joined = {key: _joined(key, [held[key] for held in each]) for key in KEYS if key != "y"}
    edges = [held["edge_index"].shape[1] for held in each]
    joined["edge_index"] = joined["edge_index"] + np.repeat(starts[:-1], edges)
    return {**joined, **_learned([held["y"] for held in each]), "starts": starts}


KEYS = {
    "edge_index": "edge_index",
    "y": "y",
    "x": "x",
    "edge_weight": "edge_weight",
    "train": "train_mask",
    "val": "val_mask",
    "test": "test_mask",
}
"""The attribute that each argument of `from_arrays` is read from."""


def _held(data: Any) -> dict[str, Any]:
    held = {key: _numpy(getattr(data, attribute, None)) for key, attribute in KEYS.items()}
    if held["edge_index"] is None:
        raise GraphError("the data has no edge_index, the [2, edges] array of sources and targets")
    return held


def _numpy(value: Any) -> Any:
    """Return a torch tensor as a NumPy array without importing torch, anything else as it is."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    if str(value.layout) != "torch.strided":
        value = value.to_dense()
    return (value.float() if value.is_floating_point() else value).numpy()


def _local(place: int, given: Any, nodes: int) -> NDArray[np.integer[Any]]:
    edges = np.asarray(given)
    if not edges.size:
        return np.zeros((2, 0), dtype=np.int64)
    if edges.dtype.kind not in "iu":
        raise GraphError(f"graph {place}: edge_index holds {edges.dtype} entries, wanted integers")
    try:
        check_edges(edges.astype(np.int64, copy=False), nodes)
    except GraphError as error:
        raise GraphError(f"graph {place}: {error}") from None
    return edges


def _single(place: int, name: str, given: Any) -> NDArray[Any]:
    array = np.asarray(given)
    if array.size != 1:
        raise GraphError(f"{name} of graph {place} holds {array.size} entries, wanted one")
    return array.ravel()


def _joined(key: str, values: list[Any]) -> NDArray[Any] | None:
    """Return the arrays of all graphs one after another, None where no graph has one."""
    if all(value is None for value in values):
        return None
    lacking = [place for place, value in enumerate(values) if value is None]
    if lacking:
        raise GraphError(f"graph {lacking[0]} has no {KEYS[key]}, though another has")
    arrays = [np.asarray(value) for value in values]
    if key == "edge_weight":
        arrays = [array.ravel() for array in arrays]
    try:
        return np.concatenate(arrays, axis=1 if key == "edge_index" else 0)
    except ValueError as error:
        raise GraphError(f"the {KEYS[key]} of the graphs do not fit together: {error}") from None


def _learned(values: list[Any]) -> dict[str, NDArray[Any]]:
    """Return the classes of the graphs, or their targets, as `from_arrays` takes them."""
    rows = [None if value is None else np.asarray(value).reshape(1, -1) for value in values]
    y = _joined("y", rows)
    if y is None:
        raise GraphError("the graphs have no labels: y of each must give its class or its targets")
    if y.dtype.kind == "f":
        return {"targets": y}
    if y.shape[1] != 1:
        raise GraphError(f"y of each graph holds {y.shape[1]} entries, wanted one class")
    return {"y": y[:, 0]}
