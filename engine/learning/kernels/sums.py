"""Sums over incoming edges, and what a product of sparse rows needs for its gradients."""

from __future__ import annotations

from engine.learning.kernels.compile import Indices, Real, kernel, summing_kernel


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


@summing_kernel
def dots(rows: Real, columns: Real, rowptr: Indices, places: Indices, found: Real) -> None:
    """Write the dot products of some rows and columns of two matrices.

    Args:
        rows: [N, F'].
        columns: [F, F'].
        rowptr: Where each row's places start, [N + 1].
        places: Columns of the places, [nnz].
        found: Result, [nnz].
    """
    for i in range(rowptr.size - 1):
        row = rows[i]
        for place in range(rowptr[i], rowptr[i + 1]):
            column = columns[places[place]]
            total = row.dtype.type(0)
            for k in range(row.size):
                total += row[k] * column[k]
            found[place] = total


@kernel
def turned(values: Real, rowptr: Indices, places: Indices, rows: Real, product: Real) -> None:
    """Write ``X^T rows`` for sparse rows X, going through them once as they lie.

    Args:
        values: Stored entries of X, row by row, [nnz].
        rowptr: Where each row starts, [N + 1].
        places: Column of each entry, [nnz].
        rows: [N, F'].
        product: Result, [F, F'].
    """
    for j in range(product.shape[0]):
        column = product[j]
        for k in range(column.size):
            column[k] = 0
    for i in range(rowptr.size - 1):
        row = rows[i]
        for place in range(rowptr[i], rowptr[i + 1]):
            value, column = values[place], product[places[place]]
            for k in range(row.size):
                column[k] += value * row[k]
