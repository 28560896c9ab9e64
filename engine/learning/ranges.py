"""The range of a batch, and how a remembered range follows it: the range rules in torch.

A range contains 0, so it is held as its *reach*: how far it goes below and above 0, both >= 0.
"""

from __future__ import annotations

from typing import TypeGuard

import numpy as np
import torch
from torch import Tensor

from engine.affine import FURTHEST, LARGE, SMALLEST_SCALE, TINY
from engine.learning.kernels import reach as kernels
from engine.learning.kernels.compile import Floats
from engine.learning.protection import ProtectedRows, row_mask
from engine.spec import Current, Ema, MinMax, Percentile, QuantSpec, RangeRule


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
    if not by_channel and _fuses(x):
        lowest, highest = kernels.extremes(_matrix(x), row_mask(protected))
        return torch.from_numpy(np.array((abs(lowest), highest), dtype=np.float32))
    rows = x if protected is None else protected.others(x)
    if not rows.numel():
        return x.new_zeros((2, x.shape[1]) if by_channel else 2)
    low, high = torch.aminmax(rows, dim=0) if by_channel else torch.aminmax(rows)
    return torch.stack((-low, high)).clamp_(min=0)


def remember(
    batch: Tensor, spec: QuantSpec, starts: bool, reach: Tensor, scale: Tensor, zero: Tensor
) -> None:
    """Let a remembered reach follow a batch's, and step size and code of 0.0 the reach.

    Args:
        batch: The batch's, float32, [2] or [2, F'].
        spec: The spec.
        starts: Whether nothing is remembered yet.
        reach: The remembered one, moved, same shape.
        scale: Moved, [] or [F'].
        zero: Moved, [] or [F'].
    """
    rule = spec.observes
    assert rule is not None
    replaced = starts or isinstance(rule, Current)
    if not _fuses(reach):
        moved = batch if replaced else follow(reach.to(batch.dtype), batch, rule)
        reach.copy_(moved)
        for held, found in zip((scale, zero), scale_and_zero(moved, spec), strict=True):
            held.copy_(found)
        return
    share = 1.0 if replaced or isinstance(rule, MinMax | Current) else rule.momentum
    ends = reach.numpy().reshape(2, -1)
    widest = not (replaced or _averages(rule))
    kernels.follow(batch.numpy().reshape(2, -1), np.float32(share), widest, ends)
    _spread(ends, spec, scale, zero)


def follow(reach: Tensor, batch: Tensor, rule: RangeRule) -> Tensor:
    """Return the remembered reach after one more batch's, same shape."""
    if _averages(rule):
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
    if _fuses(reach):
        scale, zero = torch.empty(reach.shape[1:]), torch.empty(reach.shape[1:])
        _spread(reach.numpy().reshape(2, -1), spec, scale, zero)
        return scale, zero
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
    return torch.tensor((abs(min(low, 0)), max(high, 0)), dtype=x.dtype, device=x.device)


def _percentiles(x: Tensor, tail: float, protected: ProtectedRows | None) -> tuple[float, float]:
    if _fuses(x):
        return kernels.tails(_matrix(x), row_mask(protected), tail)
    values = x if protected is None else protected.others(x)
    values = values[values != 0]
    if not values.numel():
        return 0.0, 0.0
    cut = int(tail * (values.numel() - 1))
    smallest, largest = values.kthvalue(cut + 1), values.kthvalue(values.numel() - cut)
    return smallest.values.item(), largest.values.item()


def _averages(rule: RangeRule) -> TypeGuard[Ema | Percentile]:
    return isinstance(rule, Ema) or (isinstance(rule, Percentile) and rule.running == "ema")


def _fuses(x: Tensor) -> bool:
    """Return whether a kernel takes the place of torch's operations."""
    return x.is_cpu and x.dtype == torch.float32


def _spread(reach: Floats, spec: QuantSpec, scale: Tensor, zero: Tensor) -> None:
    found = scale.numpy().reshape(-1), zero.numpy().reshape(-1)
    kernels.spread(reach, np.float32(spec.qmin), np.float32(spec.qmax), spec.symmetric, *found)


def _matrix(x: Tensor) -> Floats:
    """Return a CPU tensor as an array of rows."""
    matrix: Floats = x.contiguous().view(len(x), x.shape[1:].numel()).numpy()
    return matrix
