"""Sums of neighbours' sparse features, which stay sparse where neighbours are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from engine.graphs.features import Gathering
from engine.learning import edges
from engine.learning.adjacency import Adjacency
from engine.learning.features import Features, SparseRows, dense, features


def summed(adjacency: Adjacency, x: Features, own: float = 0.0) -> Features:
    """Return ``sum_{j in N(i)} x_j + own x_i``, sparse where x is and few of its entries are not 0.

    Args:
        adjacency: Edges without weights; its rows are nodes where they have a share of their own.
        x: [N, F].
        own: Weight of a node's own row.

    Returns:
        [R, F].

    Gradient:
        To ``x``.
    """
    if isinstance(x, Tensor) or adjacency.weights is not None:
        return adjacency.sum(dense(x), own=own)
    made = _MADE.setdefault(adjacency, {})
    key = x.columns, own
    if key not in made:
        made[key] = _sums_of(adjacency, x, own)
    sums = made[key]
    return adjacency.sum(x.dense(), own=own) if sums is None else sums.of(x)


def averaged(adjacency: Adjacency, x: Features) -> Features:
    """Return ``mean_{j in N(i)} x_j``, [R, F], held as `summed` holds the sum; 0 without edges."""
    total = summed(adjacency, x)
    if isinstance(total, Tensor):
        return total / adjacency.count
    count = adjacency.count[total.row, 0]
    return total.map(lambda values: values / count)


@dataclass(frozen=True, slots=True, eq=False)
class SparseSums:
    """Which entries of sparse features add up to which of their sums.

    Args:
        rows: Stored entries by the sum they are part of, in the order of the edges.
        columns: The same by the entry.
        places: The sums, their values of no account.
    """

    rows: edges.Rows
    columns: edges.Rows
    places: SparseRows

    def of(self, x: SparseRows) -> SparseRows:
        """Return the sums of features that are stored as those were."""
        sums = edges.sums(x.values.unsqueeze(1), self.rows, self.columns).squeeze(1)
        return self.places.map(lambda _: sums)


_MADE: WeakKeyDictionary[Adjacency, dict[tuple[Tensor, float], SparseSums | None]] = (
    WeakKeyDictionary()
)


def _sums_of(adjacency: Adjacency, x: SparseRows, own: float) -> SparseSums | None:
    """Return what sums up features, None where too few sums would be 0."""
    rowptr, source, starts, columns = (
        part.cpu().numpy() for part in (adjacency.rowptr, adjacency.source, x.rowptr, x.columns)
    )
    (nodes, width), rows = x.shape, rowptr.size - 1
    gathering = Gathering(
        rowptr=rowptr, source=source, starts=starts, columns=columns, width=width, own=bool(own)
    )
    if not gathering.stays_sparse:
        return None
    target = np.repeat(np.arange(rows), np.diff(rowptr))
    weight = np.ones(source.size, np.float32)
    if own:  # behind a row's edges, as where all entries are held
        each = np.arange(nodes)
        order = np.argsort(np.concatenate((target, each)), kind="stable")
        source, target = (np.concatenate((of, each))[order] for of in (source, target))
        weight = np.concatenate((weight, np.full(nodes, own, np.float32)))[order]

    sums = gathering.places()
    places = features(sums, x.values.device)
    assert isinstance(places, SparseRows)

    stored = np.diff(starts)[source]
    entry = np.arange(stored.sum()) + np.repeat(starts[source] - np.cumsum(stored) + stored, stored)
    of_rows = np.repeat(np.arange(rows), np.diff(sums.indptr)) * width + sums.indices
    place = np.searchsorted(of_rows, np.repeat(target, stored) * width + columns[entry])
    weights = None if own in (0, 1) else np.repeat(weight, stored)

    def grouped(by: Any, other: Any, count: int) -> edges.Rows:
        order = np.argsort(by, kind="stable")
        starts = np.concatenate(([0], np.cumsum(np.bincount(by, minlength=count))))
        held = starts, other[order], None if weights is None else weights[order]
        pointers, others, weighed = (
            None if part is None else torch.from_numpy(part).to(x.values.device) for part in held
        )
        assert pointers is not None
        assert others is not None
        return pointers, others, weighed

    return SparseSums(
        rows=grouped(place, entry, sums.nnz),
        columns=grouped(entry, place, columns.size),
        places=places,
    )
