"""A person's own graph or set of graphs: from arrays, or from networkx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from engine.graphs.degrees import degree_buckets
from engine.graphs.features import Features, compact, standardized
from engine.graphs.graph import Graph, GraphError, check_edges, check_parts
from engine.graphs.splits import split_by_share

if TYPE_CHECKING:
    import networkx

NODE_SHARES = {"train": 10.0, "val": 10.0, "test": 80.0}
"""The proportion in which missing masks divide the labelled nodes of each class."""

GRAPH_SHARES = {"train": 80.0, "val": 10.0, "test": 10.0}
"""The proportion in which missing masks divide the labelled graphs of each class."""


def from_arrays(
    *,
    edge_index: Any,
    y: Any = None,
    x: Any = None,
    edge_weight: Any = None,
    train: Any = None,
    val: Any = None,
    test: Any = None,
    classes: int | None = None,
    starts: Any = None,
    targets: Any = None,
    name: str = "own",
    seed: int = 0,
) -> Graph:
    """Return a graph, or a set of graphs, of what is given, with what is missing filled in.

    What is labelled, the U units, are the N nodes of a graph or the G graphs of a set.

    Args:
        edge_index: Sources in row 0, targets in row 1, integers [2, E]; an undirected edge stands
            there in both directions. Those of a set are put into the order of its graphs.
        y: Classes from 0, an integer [U]; -1 where a unit has no label. Only targets may stand in
            its place.
        x: Real features [N, F], dense or SciPy sparse. Without any, a node's features are its
            in-degree's bucket, one-hot: 0, 1, 2 to 3, 4 to 7, and so on in powers of two; in a set
            the in-degree itself, standardised over all nodes.
        edge_weight: Real weights of at least 0, [E]. Without any, all are 1.
        train: Which units to learn from, bool [U].
        val: Which units choose the epoch, bool [U].
        test: Which units give the result, bool [U]. Masks that are missing divide the labelled
            units that the given ones leave, at random, class by class: nodes as 10 : 10 : 80,
            graphs as 80 : 10 : 10.
        classes: Number of classes; without it one more than the largest in ``y``.
        starts: Where each graph's nodes start in a set, and N, integers [G + 1].
        targets: Real numbers to learn in place of classes, [U] or [U, T].
        name: What to call the graph.
        seed: Seed of that division.

    Raises:
        GraphError: If the graph cannot be learned on.
    """
    unit, shares = ("node", NODE_SHARES) if starts is None else ("graph", GRAPH_SHARES)
    learned = None if targets is None else _targets(targets, unit)
    if y is not None:
        labels = _labels(y, unit)
    elif learned is not None:
        labels = np.full(len(learned), -1, dtype=np.int64)
    else:
        raise GraphError("the graph has no labels: y must give the classes to learn from")
    begins = None if starts is None else _starts(starts)
    nodes = len(labels) if begins is None else int(begins[-1])
    edges = _edges(edge_index, nodes)
    weights = None if edge_weight is None else _weights(edge_weight)
    if begins is not None:
        edges, weights = _graph_by_graph(edges, weights, begins)
    masks = {
        part: None if given is None else _mask(part, given, len(labels), unit)
        for part, given in (("train", train), ("val", val), ("test", test))
    }
    strata = labels if learned is None else np.zeros(len(learned), dtype=np.int64)
    graph = Graph(
        name=name,
        edge_index=edges,
        edge_weight=weights,
        x=_degree_features(edges, nodes, begins is not None) if x is None else _features(x),
        y=labels,
        **_fill_split(strata, masks, shares, unit, seed),
        classes=int(labels.max(initial=-1)) + 1 if classes is None else classes,
        starts=begins,
        targets=learned,
    )
    check_parts({part: getattr(graph, part) for part in masks}, unit)
    return graph


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


def _starts(given: Any) -> NDArray[np.int64]:
    array = _numbers("starts", given, "iu", "integers")
    if array.ndim != 1 or not array.size:
        raise GraphError(f"starts has shape {array.shape}, wanted (graphs + 1,)")
    return np.ascontiguousarray(array, dtype=np.int64)


def _graph_by_graph(
    edges: NDArray[np.int64], weights: NDArray[np.float32] | None, starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """Return the edges of a set, and their weights, in the order of its graphs."""
    graph = np.searchsorted(starts, edges[0], side="right")
    misfit = weights is not None and weights.shape != graph.shape  # a set will not accept it
    if misfit or (np.diff(graph) >= 0).all():
        return edges, weights
    order = np.argsort(graph, kind="stable")
    return edges.take(order, axis=1), None if weights is None else weights[order]


def _labels(given: Any, unit: str) -> NDArray[np.int64]:
    array = np.asarray(given)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise GraphError(f"y has shape {array.shape}, wanted one class for each {unit}")
    if array.size == 0:
        raise GraphError(f"there are no {unit}s" if unit == "graph" else "the graph has no nodes")
    _numbers("y", array, "biu", "integers: classes from 0, or -1 for none")
    return np.ascontiguousarray(array, dtype=np.int64)


def _targets(given: Any, unit: str) -> NDArray[np.float32]:
    array = _numbers("targets", given, "biuf", "real numbers")
    if array.ndim not in (1, 2) or not array.size:
        raise GraphError(f"targets has shape {array.shape}, wanted some for each {unit}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array.reshape(len(array), -1), dtype=np.float32)


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


def _mask(name: str, given: Any, units: int, unit: str) -> NDArray[np.bool_]:
    array = np.asarray(given)
    if array.dtype != np.bool_ or array.shape != (units,):
        raise GraphError(
            f"the {name} mask has shape {array.shape} and holds {array.dtype}, "
            f"wanted true or false for each of {units} {unit}s"
        )
    return array


def _degree_features(edge_index: NDArray[np.int64], nodes: int, of_a_set: bool) -> Features:
    in_degree = np.bincount(edge_index[1], minlength=nodes)
    if of_a_set:
        return compact(standardized(in_degree))
    bucket = degree_buckets(in_degree)
    ones = np.ones(nodes, dtype=np.float32)
    shape = (nodes, int(bucket.max()) + 1)
    return compact(csr_array((ones, bucket, np.arange(nodes + 1)), shape=shape))


def _fill_split(
    y: NDArray[np.int64],
    masks: dict[str, NDArray[np.bool_] | None],
    shares: dict[str, float],
    unit: str,
    seed: int,
) -> dict[str, NDArray[np.bool_]]:
    given = {part: mask for part, mask in masks.items() if mask is not None}
    missing = [part for part in masks if part not in given]
    if not missing:
        return given
    free = y >= 0
    if not free.any():
        raise GraphError(f"no {unit} has a label, so there is nothing to learn from")
    for mask in given.values():
        free = free & ~mask
    drawn = split_by_share(y, free, tuple(shares[part] for part in missing), seed)
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
