"""A graph to learn on, or many side by side: edges, features, labels and one fixed split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.graphs.features import Features, compact


class GraphError(ValueError):
    """A graph, or a file of one, that cannot be learned on; the text says why."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Graph:
    """A directed graph, or a set of graphs side by side, whose labels are to be learned.

    Edges may repeat, be self-loops, leave nodes isolated, or be none at all; each counts as given.

    A set is one graph as well: `starts` says where each graph's nodes start, edges stand graph by
    graph and never lead from one to another. What is labelled, the U units, are the N nodes of a
    single graph but the G graphs of a set; a graph of a set may have no nodes.

    Args:
        name: What it is called.
        edge_index: Sources in row 0, targets in row 1, int64 [2, E].
        edge_weight: Weights of at least 0, float32 [E], or None where all are 1.
        x: Features, float32 [N, F]; sparse rows where few entries are not 0.
        y: Classes, int64 [U]; -1 where a unit has no label.
        train: Units whose labels are learned from, bool [U].
        val: Units whose labels choose the epoch, bool [U].
        test: Units whose labels give the result, bool [U].
        classes: Number of classes C; 0 where `targets` are to be learned.
        starts: Where each graph's nodes start, from 0 to N, int64 [G + 1]; None for a single graph.
        targets: Real numbers to be learned in place of classes, float32 [U, T].

    Raises:
        GraphError: If the arrays do not fit each other, a number is not finite or out of bounds, an
            edge leaves its graph, or the masks overlap, hold an unlabelled unit or, in a single
            graph, are empty. A set may be a part of another, with no unit left of a mask.
    """

    name: str
    edge_index: NDArray[np.int64]
    edge_weight: NDArray[np.float32] | None = None
    x: Features
    y: NDArray[np.int64]
    train: NDArray[np.bool_]
    val: NDArray[np.bool_]
    test: NDArray[np.bool_]
    classes: int
    starts: NDArray[np.int64] | None = None
    targets: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if not len(self.y):
            raise GraphError("the set has no graphs" if self.is_set else "the graph has no nodes")
        _check_array("y", self.y, np.int64, (len(self.y),))
        self._check_starts()
        check_edges(self.edge_index, self.nodes)
        self._check_weights()
        self._check_apart()
        self._check_features()
        self._check_targets()
        self._check_labels()
        self._check_split()

    def __repr__(self) -> str:
        graphs = f"graphs={self.units}, " if self.is_set else ""
        learned = f"classes={self.classes}" if self.targets is None else f"targets={self.outputs}"
        return (
            f"Graph(name={self.name!r}, {graphs}nodes={self.nodes}, edges={self.edges}, "
            f"features={self.features}, {learned})"
        )

    @property
    def is_set(self) -> bool:
        """Whether these are graphs with a label each, not one graph of labelled nodes."""
        return self.starts is not None

    @property
    def units(self) -> int:
        """Number of what is labelled: the graphs of a set, the nodes of a single graph."""
        return len(self.y)

    @property
    def nodes(self) -> int:
        """Number of nodes N, of all graphs together."""
        return len(self.y) if self.starts is None else int(self.starts[-1])

    @property
    def edges(self) -> int:
        """Number of directed edges E, as given."""
        return int(self.edge_index.shape[1])

    @property
    def features(self) -> int:
        """Number of features F."""
        return int(self.x.shape[1])

    @property
    def outputs(self) -> int:
        """Numbers to be found for each unit: a score for each class, or the targets."""
        return self.classes if self.targets is None else int(self.targets.shape[1])

    @property
    def labels(self) -> NDArray[np.int64] | NDArray[np.float32]:
        """What is learned of each unit: its class, int64 [U], or its targets, float32 [U, T]."""
        return self.y if self.targets is None else self.targets

    @property
    def graph_of_node(self) -> NDArray[np.int64]:
        """The graph that each node is in, from 0, int64 [N]."""
        if self.starts is None:
            return np.zeros(self.nodes, dtype=np.int64)
        return np.repeat(np.arange(self.units, dtype=np.int64), np.diff(self.starts))

    @property
    def edge_starts(self) -> NDArray[np.int64]:
        """Where each graph's edges start, from 0 to E, int64 [G + 1]."""
        if self.starts is None:
            return np.array([0, self.edges], dtype=np.int64)
        # Sources ascend by graph though not within one: enough for a search for graphs' bounds.
        return np.searchsorted(self.edge_index[0], self.starts).astype(np.int64, copy=False)

    @property
    def in_degree(self) -> NDArray[np.int64]:
        """Number of edges into each node as given, before any self-loop is added, int64 [N]."""
        return np.bincount(self.edge_index[1], minlength=self.nodes).astype(np.int64, copy=False)

    @property
    def digest(self) -> str:
        """The sha256 of everything but the name, as 64 hexadecimal digits.

        Features count by their numbers, whether they are kept dense or sparse.
        """
        arrays: list[tuple[str, NDArray[Any]]] = [("edge_index", self.edge_index)]
        if self.edge_weight is not None:
            arrays.append(("edge_weight", self.edge_weight))
        x = compact(self.x)
        if isinstance(x, csr_array):
            arrays += [
                ("x_data", x.data),
                ("x_indices", x.indices.astype(np.int64)),
                ("x_indptr", x.indptr.astype(np.int64)),
            ]
        else:
            arrays.append(("x", x))
        arrays += [(name, getattr(self, name)) for name in ("y", "train", "val", "test")]
        if self.starts is not None:
            arrays.append(("starts", self.starts))
        if self.targets is not None:
            arrays.append(("targets", self.targets))
        digest = sha256(f"graph 1, {self.features} features, {self.classes} classes".encode())
        for name, array in arrays:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
            digest.update(little.data)
        return digest.hexdigest()

    def _check_starts(self) -> None:
        if self.starts is None:
            return
        _check_array("starts", self.starts, np.int64, (self.units + 1,))
        if self.starts[0] != 0 or (np.diff(self.starts) < 0).any():
            raise GraphError("starts must ascend from 0: where each graph's nodes start, then N")

    def _check_apart(self) -> None:
        if self.starts is None:
            return
        source, target = self.graph_of_node[self.edge_index]
        crossing = np.flatnonzero(source != target)
        if len(crossing):
            edge = crossing[0]
            raise GraphError(
                f"edge {edge} leads from graph {source[edge]} to graph {target[edge]}, "
                "but the graphs of a set lie side by side with no edge between them"
            )
        if (np.diff(source) < 0).any():
            raise GraphError("the edges of a set must stand graph by graph")

    def _check_weights(self) -> None:
        if self.edge_weight is None:
            return
        _check_array("edge_weight", self.edge_weight, np.float32, (self.edges,))
        if not np.isfinite(self.edge_weight).all():
            raise GraphError("edge_weight holds a number that is not finite")
        if (self.edge_weight < 0).any():
            raise GraphError(
                f"edge_weight holds {self.edge_weight.min():g}, but weights start at 0: "
                "a GCN takes the square root of their sums"
            )

    def _check_features(self) -> None:
        if self.x.ndim != 2 or not self.x.shape[1]:
            raise GraphError(f"x has shape {self.x.shape}, wanted (nodes, features)")
        _check_array("x", self.x, np.float32, (self.nodes, self.features))
        values = self.x.data if isinstance(self.x, csr_array) else self.x
        if not np.isfinite(values).all():
            raise GraphError("x holds a number that is not finite")

    def _check_targets(self) -> None:
        if self.targets is None:
            return
        if self.targets.ndim != 2 or not self.targets.shape[1]:
            raise GraphError(f"targets has shape {self.targets.shape}, wanted ({self._unit}s, T)")
        _check_array("targets", self.targets, np.float32, (self.units, self.outputs))
        if not np.isfinite(self.targets).all():
            raise GraphError("targets holds a number that is not finite")
        if self.classes:
            raise GraphError(f"there are {self.classes} classes beside targets, wanted 0")

    def _check_labels(self) -> None:
        if self.y.min() < -1:
            raise GraphError(f"y holds {self.y.min()}, wanted classes from 0, or -1 for no label")
        if self.y.max() >= self.classes:
            raise GraphError(f"y holds class {self.y.max()}, but there are {self.classes} classes")

    def _check_split(self) -> None:
        masks = {"train": self.train, "val": self.val, "test": self.test}
        for name, mask in masks.items():
            _check_array(name, mask, np.bool_, (self.units,))
        if not self.is_set:
            check_parts(masks, self._unit)
        if self.targets is None:
            for name, mask in masks.items():
                if (self.y[mask] < 0).any():
                    raise GraphError(f"the {name} mask holds {self._unit}s without a label (-1)")
        if (self.train.astype(np.int8) + self.val + self.test > 1).any():
            raise GraphError("the train, val and test masks overlap")

    @property
    def _unit(self) -> str:
        return "graph" if self.is_set else "node"


_USE = {"train": "learn from", "val": "choose the epoch by", "test": "measure the result on"}


def check_parts(masks: Mapping[str, NDArray[np.bool_]], unit: str) -> None:
    """Refuse a split of which a part is empty.

    Args:
        masks: The ``train``, ``val`` and ``test`` masks, [U] each.
        unit: What is labelled, a node or a graph.

    Raises:
        GraphError: Naming the first empty part.
    """
    for name, mask in masks.items():
        if not mask.any():
            raise GraphError(f"the {name} mask holds no {unit}, so none is there to {_USE[name]}")


def check_edges(edge_index: NDArray[np.int64], nodes: int) -> None:
    """Refuse edges that are not pairs of nodes numbered from 0.

    Args:
        edge_index: Sources and targets, [2, E].
        nodes: Number of nodes.

    Raises:
        GraphError: Naming the first fault.
    """
    if edge_index.ndim != 2 or len(edge_index) != 2:
        raise GraphError(f"edge_index has shape {edge_index.shape}, wanted (2, edges)")
    _check_array("edge_index", edge_index, np.int64, edge_index.shape)
    low, high = int(edge_index.min(initial=0)), int(edge_index.max(initial=0))
    if edge_index.size and (low < 0 or high >= nodes):
        wrong = low if low < 0 else high
        raise GraphError(f"edge_index holds node {wrong}, but nodes are numbered 0 to {nodes - 1}")


def _check_array(name: str, array: Any, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype:
        raise GraphError(f"{name} holds {array.dtype} numbers, wanted {np.dtype(dtype)}")
    if array.shape != shape:
        raise GraphError(f"{name} has shape {array.shape}, wanted {shape}")
