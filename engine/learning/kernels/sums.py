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
    for i in range(rowptr.size - 1):
        row = sums[i]
        start, end = rowptr[i], rowptr[i + 1]
        for k in range(row.size):
            row[k] = 0
        if weights.size:
            for e in range(start, end):
                weight, sent = weights[e], messages[source[e]]
                for k in range(row.size):
                    row[k] += weight * sent[k]
        else:
            rest = end - (end - start) % 4
            for e in range(start, rest, 4):  # a row is read and written once for four edges
                first, second = messages[source[e]], messages[source[e + 1]]
                third, fourth = messages[source[e + 2]], messages[source[e + 3]]
                for k in range(row.size):
                    row[k] += (first[k] + second[k]) + (third[k] + fourth[k])
            for e in range(rest, end):
                sent = messages[source[e]]
                for k in range(row.size):
                    row[k] += sent[k]
        if own != 0:
            sent = messages[i]
            for k in range(row.size):
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
