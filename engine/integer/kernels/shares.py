"""How threads share what each row gathers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.operands import Incoming

PARTS = 256
"""Parts that the edges are shared out in, so that threads end at about the same time."""

SMALLEST = 4096
"""Least edges, and targets, of a part: one costs a microsecond to begin."""


def share_out(
    rowptr: NDArray[np.int64], source: NDArray[np.int32], smallest: int = SMALLEST
) -> Incoming:
    """Return edges in parts with about as many edges and targets each, hubs in pieces.

    Args:
        rowptr: Where each target's edges start, [rows + 1].
        source: The node at the other end of each edge, [E].
        smallest: Least edges, and targets, of a part.
    """
    work = rowptr + np.arange(rowptr.size)
    fair = max(smallest, -(-int(work[-1]) // PARTS))
    degree = np.diff(rowptr)
    hubs = np.flatnonzero(degree > fair)
    cuts = np.searchsorted(work, np.arange(0, work[-1], fair))
    bounds = np.unique(np.concatenate([cuts, hubs, hubs + 1, [degree.size]]))
    first, last = bounds[:-1], bounds[1:]
    pieces_of = np.where(degree[first] > fair, -(-degree[first] // fair), 0)
    end = np.cumsum(pieces_of)
    start = end - pieces_of
    hub, step, steps = (np.repeat(x, pieces_of) for x in (first, -start, pieces_of))
    step = step + np.arange(hub.size)
    edges = [rowptr[hub] + degree[hub] * (step + i) // steps for i in (0, 1)]
    parts = np.stack([first, last, start, end], axis=1)
    return Incoming(rowptr, source, parts, np.stack(edges, axis=1))
