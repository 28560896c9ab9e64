"""The range of a batch, and how a remembered range follows it: the range rules in torch.

A range contains 0, so it is held as its *reach*: how far it goes below and above 0, both >= 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.affine import FURTHEST, LARGE, SMALLEST_SCALE, TINY
from engine.learning.kernels.compile import Floats
from engine.learning.kernels.reach import extremes, tails
from engine.learning.protection import ProtectedRows, row_mask
from engine.spec import Ema, Percentile, QuantSpec, RangeRule


def batch_reach(x: Tensor, spec: QuantSpec, protected: ProtectedRows | None) -> Tensor:
    """Return the reach that a spec's rule sees in one batch.

    Args:
        x: Real numbers, [N, ...] or, per channel, [N, F'].
        spec: Its rule and granularity.
        protected: Rows that do not count.

    Returns:
        Reach below and above 0, [2] or, per channel, [2, F']; 0 where no row counts. Where the rule
        follows the mean magnitude, that is both.
    """
    by_channel = spec.granularity == "channel"
    if spec.by_magnitude:
        mean = magnitude(x if protected is None else protected.others(x), spec)
        return torch.stack((mean, mean))
    if isinstance(spec.observes, Percentile):
        tail = spec.observes.tail
        if not by_channel:
            return _percentile_reach(x, tail, protected)
        reaches = [_percentile_reach(column, tail, protected) for column in x.unbind(1)]
        return torch.stack(reaches, dim=1)
    if protected is not None and not by_channel and x.is_cpu and x.dtype == torch.float32:
        lowest, highest = extremes(_matrix(x), row_mask(protected))
        return torch.tensor((-lowest, highest))
    rows = x if protected is None else protected.others(x)
    if not rows.numel():
        return x.new_zeros((2, x.shape[1]) if by_channel else 2)
    low, high = torch.aminmax(rows, dim=0) if by_channel else torch.aminmax(rows)
    return torch.stack((-low, high)).clamp_(min=0)


def follow(reach: Tensor, batch: Tensor, rule: RangeRule) -> Tensor:
    """Return the remembered reach after one more batch's, same shape."""
    if isinstance(rule, Ema) or (isinstance(rule, Percentile) and rule.running == "ema"):
        return torch.lerp(reach, batch, rule.momentum)
    return torch.maximum(reach, batch)


def scale_and_zero(reach: Tensor, spec: QuantSpec) -> tuple[Tensor, Tensor]:
    """Return step size and code of 0.0 for a reach, as `engine.affine.qparams` does, in torch.

    Args:
        reach: Reach below and above 0, [2] or [2, F'].
        spec: The spec.

    Returns:
        Scale and zero point, both float, [] or [F'].
    """
    if spec.symmetric:
        scale = (reach.amax(0) / spec.qmax).clamp_(min=SMALLEST_SCALE)
        return scale, torch.zeros_like(scale)
    scale = (reach.sum(0) / (spec.qmax - spec.qmin)).clamp_(min=SMALLEST_SCALE)
    return scale, (reach[0] / scale).round_().add_(spec.qmin)


def magnitude(x: Tensor, spec: QuantSpec) -> Tensor:
    """Return the mean magnitude, [] or [F'], as `engine.affine.magnitude` does, in torch."""
    over = 0 if spec.granularity == "channel" else tuple(range(x.dim()))
    size = x.abs()
    counts = torch.ones_like(size, dtype=torch.bool)
    if spec.ternary:
        counts = size > LARGE * size.mean(over)
    elif not spec.signed:
        counts = x > 0
    return (size * counts).sum(over) / counts.sum(over).clamp(min=1)


def lean(x: Tensor) -> Tensor:
    """Return how far codes that are truncated shift, [], as `engine.affine.lean` does, in torch."""
    if not x.numel():
        return x.new_zeros(())
    away = x - x.mean()
    skewness = away.pow(3).mean() / away.square().mean().clamp(min=TINY).pow(1.5)
    return FURTHEST * skewness.tanh()


def _percentile_reach(x: Tensor, tail: float, protected: ProtectedRows | None) -> Tensor:
    low, high = _percentiles(x, tail, protected)
    return torch.tensor((-low, high), dtype=x.dtype, device=x.device).clamp_(min=0)


def _percentiles(x: Tensor, tail: float, protected: ProtectedRows | None) -> tuple[float, float]:
    if x.is_cpu and x.dtype == torch.float32:
        return tails(_matrix(x), row_mask(protected), tail)
    values = x if protected is None else protected.others(x)
    values = values[values != 0]
    if not values.numel():
        return 0.0, 0.0
    cut = int(tail * (values.numel() - 1))
    smallest, largest = values.kthvalue(cut + 1), values.kthvalue(values.numel() - cut)
    return smallest.values.item(), largest.values.item()


def _matrix(x: Tensor) -> Floats:
    """Return a CPU tensor as an array of rows."""
    matrix: Floats = x.contiguous().view(len(x), x.shape[1:].numel()).numpy()
    return matrix
