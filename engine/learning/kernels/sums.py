"""Sums over incoming edges, in one pass over them."""

from __future__ import annotations

from engine.learning.kernels.compile import Indices, Real, kernel


@kernel
def total(
    own: float, messages: Real, rowptr: Indices, source: Indices, weights: Real, sums: Real
) -> None:
    """Write ``sum_e weights_e messages_source(e) + own messages_i`` for the edges e of each row i.

    Args:
        own: Weight of a row's own message.
        messages: What each node sends, [N, F].
        rowptr: Where each row starts, [R + 1].
        source: Source of each edge, [E'].
        weights: Weight of each edge, [E'], or [0] where all are 1.
        sums: Result, [R, F].
    """
    columns = messages.shape[1]
    for i in range(rowptr.size - 1):
        row = sums[i]
        for k in range(columns):
            row[k] = 0
        for e in range(rowptr[i], rowptr[i + 1]):
            sent = messages[source[e]]
            if weights.size:
                weight = weights[e]
                for k in range(columns):
                    row[k] += weight * sent[k]
            else:
                for k in range(columns):
                    row[k] += sent[k]
        if own != 0:
            sent = messages[i]
            for k in range(columns):
                row[k] += own * sent[k]
