"""A person's own graph: from arrays, from a PyG ``Data``, or from networkx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from engine.graphs.degrees import degree_buckets
from engine.graphs.features import Features, compact
from engine.graphs.graph import Graph, GraphError, check_edges
from engine.graphs.splits import split_by_share

if TYPE_CHECKING:
    import networkx

SHARES = {"train": 10.0, "val": 10.0, "test": 80.0}
"""The proportion in which missing masks divide the labelled nodes of each class."""


def from_arrays(
    *,
    edge_index: Any,
    y: Any,
    x: Any = None,
    edge_weight: Any = None,
    train: Any = None,
    val: Any = None,
    test: Any = None,
    classes: int | None = None,
    name: str = "own",
    seed: int = 0,
) -> Graph:
    """Return a graph of what is given, with what is missing filled in.

    Args:
        edge_index: Sources in row 0, targets in row 1, integers [2, E]; an undirected edge stands
            there in both directions.
        y: Classes from 0, an integer [N]; -1 where a node has no label.
        x: Real features [N, F], dense or SciPy sparse. Without any, a node's features are its
            in-degree's bucket, one-hot: 0, 1, 2 to 3, 4 to 7, and so on in powers of two.
        edge_weight: Real weights of at least 0, [E]. Without any, all are 1.
        train: Which nodes to learn from, bool [N].
        val: Which nodes choose the epoch, bool [N].
        test: Which nodes give the accuracy, bool [N]. Masks that are missing divide the labelled
            nodes that the given ones leave, at random, class by class, as 10 : 10 : 80.
        classes: Number of classes; without it one more than the largest in ``y``.
        name: What to call the graph.
        seed: Seed of that division.

    Raises:
        GraphError: If the graph cannot be learned on.
    """
    if y is None:
        raise GraphError("the graph has no labels: y must give the classes to learn from")
    labels = _labels(y)
    edges = _edges(edge_index, len(labels))
    masks = {
        part: None if given is None else _mask(part, given, len(labels))
        for part, given in (("train", train), ("val", val), ("test", test))
    }
    return Graph(
        name=name,
        edge_index=edges,
        edge_weight=None if edge_weight is None else _weights(edge_weight),
        x=_degree_features(edges, len(labels)) if x is None else _features(x),
        y=labels,
        **_fill_split(labels, masks, seed),
        classes=int(labels.max(initial=-1)) + 1 if classes is None else classes,
    )


def from_data(data: Any, *, name: str = "own", seed: int = 0) -> Graph:
    """Return the graph of a PyTorch Geometric ``Data``, or of anything with its attributes.

    Read are ``edge_index``, ``y``, ``x``, ``edge_weight`` (or else an ``edge_attr`` of one number
    an edge; of more it is left aside, since a GCN has no use for them), ``train_mask``,
    ``val_mask`` and ``test_mask``. What is missing is filled in as by `from_arrays`. Neither torch
    nor PyG is imported.

    Args:
        data: The data.
        name: What to call the graph.
        seed: Seed of the masks, if any is missing.

    Raises:
        GraphError: If the graph cannot be learned on.
    """
    held = {key: _numpy(getattr(data, key, None)) for key in _KEYS}
    if held["edge_index"] is None:
        raise GraphError("the data has no edge_index, the [2, edges] array of sources and targets")
    weight = held["edge_weight"]
    if weight is None and held["edge_attr"] is not None:
        attribute = np.asarray(held["edge_attr"])
        weight = attribute.ravel() if attribute.shape[1:] in ((), (1,)) else None
    return from_arrays(
        edge_index=held["edge_index"],
        y=held["y"],
        x=held["x"],
        edge_weight=weight,
        train=held["train_mask"],
        val=held["val_mask"],
        test=held["test_mask"],
        name=name,
        seed=seed,
    )


def from_networkx(
    g: networkx.Graph,
    *,
    label: str = "y",
    features: str | Sequence[str] = "x",
    weight: str = "weight",
    name: str | None = None,
    seed: int = 0,
) -> Graph:
    """Return the graph of a networkx graph, directed or not, with repeated edges or not.

    An undirected edge becomes one in each direction, a self-loop one. Nodes keep the order of
    ``g.nodes``. Classes are the different labels, sorted. What is missing is filled in as by
    `from_arrays`.

    Args:
        g: The graph.
        label: Node attribute that holds the label, of any kind; nodes without it, or with None,
            have no label.
        features: Node attribute that holds a node's features, a number or several; or the names of
            several attributes. On every node or on none.
        weight: Edge attribute that holds the weight; where it is missing the weight is 1.
        name: What to call the graph; without it the graph's own name.
        seed: Seed of the masks.

    Raises:
        GraphError: If the graph cannot be learned on.
    """
    number = {node: i for i, node in enumerate(g.nodes)}
    ends = [(number[a], number[b]) for a, b in g.edges()]
    edges = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    weights = _edge_attribute(g, weight)
    if not g.is_directed():
        back = edges[0] != edges[1]
        edges = np.concatenate([edges, edges[::-1, back]], axis=1)
        weights = None if weights is None else np.concatenate([weights, weights[back]])
    return from_arrays(
        edge_index=edges,
        y=_codes([held for _, held in g.nodes(data=label)], label),
        x=_node_attributes(g, [features] if isinstance(features, str) else list(features)),
        edge_weight=weights,
        name=name or str(g.name) or "own",
        seed=seed,
    )


_KEYS = ("edge_index", "edge_weight", "edge_attr", "x", "y", "train_mask", "val_mask", "test_mask")


def _numpy(value: Any) -> Any:
    """Return a torch tensor as a NumPy array without importing torch, anything else as it is."""
    if not hasattr(value, "detach"):
        return value
    value = value.detach().cpu()
    if str(value.layout) != "torch.strided":
        value = value.to_dense()
    return (value.float() if value.is_floating_point() else value).numpy()


def _numbers(name: str, given: Any, kinds: str, wanted: str) -> NDArray[Any]:
    array = np.asarray(given)
    if array.dtype.kind not in kinds:
        raise GraphError(f"{name} holds {array.dtype} entries, wanted {wanted}")
    return array


def _edges(given: Any, nodes: int) -> NDArray[np.int64]:
    array = np.asarray(given)
    if array.size == 0:
        return np.zeros((2, 0), dtype=np.int64)
    _numbers("edge_index", array, "iu", "integers")
    edges = np.ascontiguousarray(array, dtype=np.int64)
    check_edges(edges, nodes)
    return edges


def _labels(given: Any) -> NDArray[np.int64]:
    array = np.asarray(given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise GraphError(f"y has shape {array.shape}, wanted one class for each node")
    if array.size == 0:
        raise GraphError("the graph has no nodes")
    _numbers("y", array, "biu", "integers: classes from 0, or -1 for none")
    return np.ascontiguousarray(array, dtype=np.int64)


def _weights(given: Any) -> NDArray[np.float32]:
    array = _numbers("edge_weight", given, "biuf", "real numbers")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=np.float32)


def _features(given: Any) -> Features:
    if not issparse(given):
        given = _numbers("x", given, "biuf", "real numbers")
        if given.ndim == 1:
            given = given[:, None]
    if given.ndim != 2:
        raise GraphError(f"x has shape {given.shape}, wanted (nodes, features)")
    return compact(given)


def _mask(name: str, given: Any, nodes: int) -> NDArray[np.bool_]:
    array = np.asarray(given)
    if array.dtype != np.bool_ or array.shape != (nodes,):
        raise GraphError(
            f"the {name} mask has shape {array.shape} and holds {array.dtype}, "
            f"wanted true or false for each of {nodes} nodes"
        )
    return array


def _degree_features(edge_index: NDArray[np.int64], nodes: int) -> Features:
    bucket = degree_buckets(np.bincount(edge_index[1], minlength=nodes))
    ones = np.ones(nodes, dtype=np.float32)
    shape = (nodes, int(bucket.max()) + 1)
    return compact(csr_array((ones, bucket, np.arange(nodes + 1)), shape=shape))


def _fill_split(
    y: NDArray[np.int64], masks: dict[str, NDArray[np.bool_] | None], seed: int
) -> dict[str, NDArray[np.bool_]]:
    given = {part: mask for part, mask in masks.items() if mask is not None}
    missing = [part for part in masks if part not in given]
    if not missing:
        return given
    free = y >= 0
    if not free.any():
        raise GraphError("no node has a label, so there is nothing to learn from")
    for mask in given.values():
        free = free & ~mask
    drawn = split_by_share(y, free, tuple(SHARES[part] for part in missing), seed)
    return {**given, **dict(zip(missing, drawn, strict=True))}


def _codes(labels: list[Any], attribute: str) -> NDArray[np.int64]:
    """Return each label's place among the different ones in order, -1 for None."""
    try:
        different = {held for held in labels if held is not None}
    except TypeError:
        raise GraphError(f"the node attribute {attribute!r} must hold one label") from None
    if labels and not different:
        raise GraphError(f"no node has a label: none holds the attribute {attribute!r}")
    try:
        known = sorted(different)
    except TypeError:
        known = sorted(different, key=lambda held: (type(held).__name__, str(held)))
    code = {held: place for place, held in enumerate(known)}
    return np.array([-1 if held is None else code[held] for held in labels], dtype=np.int64)


def _edge_attribute(g: networkx.Graph, attribute: str) -> NDArray[np.float64] | None:
    held = [value for _, _, value in g.edges(data=attribute)]
    if all(value is None for value in held):
        return None
    try:
        return np.array([1 if value is None else value for value in held], dtype=np.float64)
    except (TypeError, ValueError):
        raise GraphError(f"the edge attribute {attribute!r} must be a number") from None


def _node_attributes(g: networkx.Graph, names: list[str]) -> NDArray[np.float64] | None:
    columns = []
    for attribute in names:
        held = [value for _, value in g.nodes(data=attribute)]
        if len(names) == 1 and all(value is None for value in held):
            return None
        if any(value is None for value in held):
            raise GraphError(f"the attribute {attribute!r} must be on every node or on none")
        try:
            column = np.array(held, dtype=np.float64)
        except (TypeError, ValueError):
            raise GraphError(
                f"the node attribute {attribute!r} must be a number, or equally many, on every node"
            ) from None
        columns.append(column.reshape(len(held), -1))
    return np.concatenate(columns, axis=1)
