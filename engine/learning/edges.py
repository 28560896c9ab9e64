"""Differentiable operations along edges in rows: attention's softmax and sum, and the maximum.

Row i holds edges ``rowptr[i]`` to ``rowptr[i + 1]``, edge e comes from node ``source[e]``. On the
CPU each is one pass of `engine.learning.kernels.edges`, elsewhere torch's gather and scatter.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from engine.learning.kernels import edges as along_edges
from engine.learning.kernels.sums import total

Rows = tuple[Tensor, Tensor, Tensor | None]
"""Where each row of edges starts, where each edge comes from, and its weight, None for all 1."""


def sums(messages: Tensor, rows: Rows, columns: Rows, own: float = 0.0) -> Tensor:
    """Return ``out_i = sum_e w_e messages_source(e) + own messages_i`` over the edges e of row i.

    Args:
        messages: What each node sends, [N, F].
        rows: Where each row starts, [R + 1]; source and weight of each edge, [E'], None for all 1.
        columns: The same edges by source, [N + 1], with their targets.
        own: Weight of a row's own message, 0 unless rows are nodes.

    Returns:
        [R, F].

    Gradient:
        To ``messages``.
    """
    along: Any = _Sums.apply if messages.is_cpu else scattered_sums
    added: Tensor = along(messages, rows, columns, own)
    return added


def softmax(logits: Tensor, rowptr: Tensor, source: Tensor, slope: float) -> Tensor:
    """Return each edge's share of its row: ``softmax_j(leaky_relu(s_j + t_i))`` over row i.

    Args:
        logits: ``s`` and ``t`` side by side, [N, 2 heads].
        rowptr: Where each row starts, [N + 1].
        source: Source of each edge, [E'].
        slope: Slope of the leaky ReLU below 0.

    Returns:
        [E', heads].

    Gradient:
        To ``logits``.
    """
    along: Any = _Softmax.apply if logits.is_cpu else scattered_softmax
    coefficients: Tensor = along(logits, rowptr, source, slope)
    return coefficients


def weighted_sum(coefficients: Tensor, messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
    """Return ``out_i = sum_e coefficients_e messages_source(e)`` over the edges e of row i.

    Args:
        coefficients: One for each edge and head, [E', heads].
        messages: The heads' parts side by side, [N, heads C].
        rowptr: Where each row starts, [R + 1].
        source: Source of each edge, [E'].

    Returns:
        [R, heads C].

    Gradient:
        To ``coefficients`` and ``messages``.
    """
    along: Any = _WeightedSum.apply if messages.is_cpu else scattered_weighted_sum
    sums: Tensor = along(coefficients, messages, rowptr, source)
    return sums


def maximum(messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
    """Return the highest message of each row, column by column; 0 in a row without edges.

    Args:
        messages: [N, F].
        rowptr: Where each row starts, [R + 1].
        source: Source of each edge, [E'].

    Returns:
        [R, F].

    Gradient:
        To ``messages``, in equal shares where several edges reach the maximum.
    """
    along: Any = _Maximum.apply if messages.is_cpu else scattered_maximum
    highest: Tensor = along(messages, rowptr, source)
    return highest


def scattered_sums(messages: Tensor, rows: Rows, columns: Rows, own: float = 0.0) -> Tensor:
    """Return `sums` in torch's own operations."""
    rowptr, source, weights = rows
    sent = messages[source]
    sent = sent if weights is None else weights.unsqueeze(1) * sent
    added = messages.new_zeros(len(rowptr) - 1, messages.shape[1])
    added = added.index_add(0, _targets(rowptr), sent)
    return added + own * messages if own else added


def scattered_softmax(logits: Tensor, rowptr: Tensor, source: Tensor, slope: float) -> Tensor:
    """Return `softmax` in torch's own operations."""
    target = _targets(rowptr)
    of_sources, of_targets = logits.chunk(2, dim=1)
    edge = leaky_relu(of_sources[source] + of_targets[target], slope)
    highest = scattered_maximum(edge.detach(), rowptr, torch.arange(len(edge), device=edge.device))
    shares = (edge - highest[target]).exp()
    return shares / torch.zeros_like(of_targets).index_add(0, target, shares)[target]


def scattered_weighted_sum(
    coefficients: Tensor, messages: Tensor, rowptr: Tensor, source: Tensor
) -> Tensor:
    """Return `weighted_sum` in torch's own operations."""
    edges, heads = coefficients.shape
    parts = messages[source].view(edges, heads, messages.shape[1] // heads)
    products = (coefficients.unsqueeze(2) * parts).view(edges, messages.shape[1])
    sums = messages.new_zeros(len(rowptr) - 1, messages.shape[1])
    return sums.index_add(0, _targets(rowptr), products)


def scattered_maximum(messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
    """Return `maximum` in torch's own operations."""
    sent = messages[source]
    lowest = messages.new_full((len(rowptr) - 1, messages.shape[1]), -torch.inf)
    index = _targets(rowptr).unsqueeze(1).expand_as(sent)
    highest = lowest.scatter_reduce(0, index, sent, "amax")
    return highest.masked_fill((rowptr.diff() == 0).unsqueeze(1), 0)


def _targets(rowptr: Tensor) -> Tensor:
    return torch.repeat_interleave(
        torch.arange(len(rowptr) - 1, device=rowptr.device), rowptr.diff()
    )


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, messages: Tensor, rows: Rows, columns: Rows, own: float) -> Tensor:
        ctx.columns, ctx.own = columns, own
        return _total(messages, rows, own)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        return _total(grads[0], ctx.columns, ctx.own), None, None, None


def _total(messages: Tensor, rows: Rows, own: float) -> Tensor:
    rowptr, source, weights = rows
    weights = messages.new_empty(0) if weights is None else weights.detach()
    added = messages.new_empty(len(rowptr) - 1, messages.shape[1])
    total(own, *_arrays(messages, rowptr, source, weights, added))
    return added


class _Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: Tensor, rowptr: Tensor, source: Tensor, slope: float) -> Tensor:
        logits = logits.contiguous()
        coefficients = logits.new_zeros(len(source), logits.shape[1] // 2)
        along_edges.softmax(slope, *_arrays(logits, rowptr, source, coefficients))
        ctx.save_for_backward(logits, rowptr, source, coefficients)
        ctx.slope = slope
        return coefficients

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None]:
        grad = torch.zeros_like(ctx.saved_tensors[0])
        along_edges.softmax_gradient(ctx.slope, *_arrays(*ctx.saved_tensors, *grads, grad))
        return grad, None, None, None


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, coefficients: Tensor, messages: Tensor, rowptr: Tensor, source: Tensor
    ) -> Tensor:
        held = (coefficients.contiguous(), messages.contiguous(), rowptr, source)
        ctx.save_for_backward(*held)
        sums = messages.new_zeros(len(rowptr) - 1, messages.shape[1])
        along_edges.weighted_sum(*_arrays(*held, sums))
        return sums

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        coefficients, messages, *_ = ctx.saved_tensors
        to_both = torch.zeros_like(coefficients), torch.zeros_like(messages)
        along_edges.weighted_sum_gradient(*_arrays(*ctx.saved_tensors, *grads, *to_both))
        return *to_both, None, None


class _Maximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
        messages = messages.contiguous()
        highest = messages.new_zeros(len(rowptr) - 1, messages.shape[1])
        along_edges.maximum(*_arrays(messages, rowptr, source, highest))
        ctx.save_for_backward(messages, rowptr, source, highest)
        return highest

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        grad = torch.zeros_like(ctx.saved_tensors[0])
        along_edges.maximum_gradient(*_arrays(*ctx.saved_tensors, *grads, grad))
        return grad, None, None


def _arrays(*tensors: Tensor) -> list[Any]:
    return [tensor.detach().contiguous().numpy() for tensor in tensors]
