"""What attention and the maximum compute along edges, in one pass over them each, in Numba.

Gathering a message for each edge and scattering the results takes torch E' F numbers of memory and
several passes over them; these loops hold nothing for an edge but its coefficients.

Rows i of edges ``rowptr[i]`` to ``rowptr[i + 1]``, edge e from node ``source[e]``. The results are
handed in, filled with 0.
"""

from __future__ import annotations

import numpy as np

from engine.learning.kernels.compile import Indices, Real, kernel


@kernel
def softmax(
    slope: float, logits: Real, rowptr: Indices, source: Indices, coefficients: Real
) -> None:
    """Write each edge's share of its row.

    Args:
        slope: Slope of the leaky ReLU below 0.
        logits: Of nodes as sources, then as targets, [N, 2 heads].
        rowptr: Where each row starts, [N + 1].
        source: Source of each edge, [E'].
        coefficients: Result, [E', heads].
    """
    heads = coefficients.shape[1]
    for i in range(rowptr.size - 1):
        edges = range(rowptr[i], rowptr[i + 1])
        for h in range(heads):
            highest = -np.inf
            for e in edges:
                logit = logits[source[e], h] + logits[i, heads + h]
                logit = logit if logit > 0 else slope * logit
                coefficients[e, h] = logit
                highest = max(highest, logit)
            total = 0.0
            for e in edges:
                share = np.exp(coefficients[e, h] - highest)
                coefficients[e, h] = share
                total += share
            for e in edges:
                coefficients[e, h] /= total


@kernel
def softmax_gradient(
    slope: float,
    logits: Real,
    rowptr: Indices,
    source: Indices,
    coefficients: Real,
    upstream: Real,
    grad: Real,
) -> None:
    """Add the gradient to the logits, [N, 2 heads], for that to the coefficients, [E', heads]."""
    heads = coefficients.shape[1]
    for i in range(rowptr.size - 1):
        edges = range(rowptr[i], rowptr[i + 1])
        for h in range(heads):
            common = 0.0
            for e in edges:
                common += coefficients[e, h] * upstream[e, h]
            for e in edges:
                through = coefficients[e, h] * (upstream[e, h] - common)
                if not logits[source[e], h] + logits[i, heads + h] > 0:
                    through *= slope
                grad[source[e], h] += through
                grad[i, heads + h] += through


@kernel
def weighted_sum(
    coefficients: Real, messages: Real, rowptr: Indices, source: Indices, sums: Real
) -> None:
    """Add up messages [N, heads C] by edge coefficients [E', heads] into sums, [R, heads C]."""
    heads = coefficients.shape[1]
    width = messages.shape[1] // heads
    for i in range(rowptr.size - 1):
        for e in range(rowptr[i], rowptr[i + 1]):
            j = source[e]
            for h in range(heads):
                coefficient = coefficients[e, h]
                for k in range(h * width, (h + 1) * width):
                    sums[i, k] += coefficient * messages[j, k]


@kernel
def weighted_sum_gradient(
    coefficients: Real,
    messages: Real,
    rowptr: Indices,
    source: Indices,
    upstream: Real,
    grad_coefficients: Real,
    grad_messages: Real,
) -> None:
    """Add the gradients to coefficients [E', heads] and messages for that to sums, [R, heads C]."""
    heads = coefficients.shape[1]
    width = messages.shape[1] // heads
    for i in range(rowptr.size - 1):
        for e in range(rowptr[i], rowptr[i + 1]):
            j = source[e]
            for h in range(heads):
                coefficient = coefficients[e, h]
                product = grad_coefficients[e, h]
                for k in range(h * width, (h + 1) * width):
                    product += upstream[i, k] * messages[j, k]
                    grad_messages[j, k] += coefficient * upstream[i, k]
                grad_coefficients[e, h] = product


@kernel
def maximum(messages: Real, rowptr: Indices, source: Indices, highest: Real) -> None:
    """Write the highest message [N, F] of each row, [R, F]; where there is no edge, leave 0."""
    for i in range(rowptr.size - 1):
        first = rowptr[i]
        for e in range(first, rowptr[i + 1]):
            j = source[e]
            for k in range(messages.shape[1]):
                message = messages[j, k]
                if e == first or message > highest[i, k] or np.isnan(message):
                    highest[i, k] = message


@kernel
def maximum_gradient(
    messages: Real,
    rowptr: Indices,
    source: Indices,
    highest: Real,
    upstream: Real,
    grad: Real,
) -> None:
    """Add the gradient to messages, [N, F], in equal shares to the edges that reach the maximum."""
    columns = messages.shape[1]
    equals = np.empty(columns, dtype=np.int64)
    for i in range(rowptr.size - 1):
        for k in range(columns):
            equals[k] = 0
        for e in range(rowptr[i], rowptr[i + 1]):
            for k in range(columns):
                equals[k] += messages[source[e], k] == highest[i, k]
        for e in range(rowptr[i], rowptr[i + 1]):
            j = source[e]
            for k in range(columns):
                if messages[j, k] == highest[i, k]:
                    grad[j, k] += upstream[i, k] / equals[k]
