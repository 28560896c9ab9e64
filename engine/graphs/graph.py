"""A graph for node classification: directed edges, features, labels and one fixed split."""

from __future__ import annotations

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
    """A directed graph whose nodes are to be classified.

    Edges may repeat, be self-loops, leave nodes isolated, or be none at all; each counts as given.

    Args:
        name: What it is called.
        edge_index: Sources in row 0, targets in row 1, int64 [2, E].
        edge_weight: Weights of at least 0, float32 [E], or None where all are 1.
        x: Features, float32 [N, F]; sparse rows where few entries are not 0.
        y: Classes, int64 [N]; -1 where a node has no label.
        train: Nodes whose labels are learned from, bool [N].
        val: Nodes whose labels choose the epoch, bool [N].
        test: Nodes whose labels give the accuracy, bool [N].
        classes: Number of classes C.

    Raises:
        GraphError: If the arrays do not fit each other, a number is not finite or out of bounds,
            the masks overlap or hold an unlabelled node, or one of them is empty.
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

    def __post_init__(self) -> None:
        if not len(self.y):
            raise GraphError("the graph has no nodes")
        _check_array("y", self.y, np.int64, (len(self.y),))
        check_edges(self.edge_index, self.nodes)
        self._check_weights()
        self._check_features()
        self._check_labels()
        self._check_split()

    def __repr__(self) -> str:
        return (
            f"Graph(name={self.name!r}, nodes={self.nodes}, edges={self.edges}, "
            f"features={self.features}, classes={self.classes})"
        )

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return len(self.y)

    @property
    def edges(self) -> int:
        """Number of directed edges E, as given."""
        return int(self.edge_index.shape[1])

    @property
    def features(self) -> int:
        """Number of features F."""
        return int(self.x.shape[1])

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
        digest = sha256(f"graph 1, {self.features} features, {self.classes} classes".encode())
        for name, array in arrays:
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
            digest.update(little.data)
        return digest.hexdigest()

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

    def _check_labels(self) -> None:
        if self.y.min() < -1:
            raise GraphError(f"y holds {self.y.min()}, wanted classes from 0, or -1 for no label")
        if self.y.max() >= self.classes:
            raise GraphError(f"y holds class {self.y.max()}, but there are {self.classes} classes")

    def _check_split(self) -> None:
        masks = {"train": self.train, "val": self.val, "test": self.test}
        for name, mask in masks.items():
            _check_array(name, mask, np.bool_, (self.nodes,))
            if not mask.any():
                raise GraphError(f"the {name} mask holds no node, so none is there to {_USE[name]}")
            if (self.y[mask] < 0).any():
                raise GraphError(f"the {name} mask holds nodes without a label (y is -1)")
        if (self.train.astype(np.int8) + self.val + self.test > 1).any():
            raise GraphError("the train, val and test masks overlap")


_USE = {"train": "learn from", "val": "choose the epoch by", "test": "measure the accuracy on"}


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
    if low < 0 or high >= nodes:
        wrong = low if low < 0 else high
        raise GraphError(f"edge_index holds node {wrong}, but nodes are numbered 0 to {nodes - 1}")


def _check_array(name: str, array: Any, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype:
        raise GraphError(f"{name} holds {array.dtype} numbers, wanted {np.dtype(dtype)}")
    if array.shape != shape:
        raise GraphError(f"{name} has shape {array.shape}, wanted {shape}")
