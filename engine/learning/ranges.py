"""The range of a batch, and how a remembered range follows it: the range rules in torch.

A range contains 0, so it is held as its *reach*: how far it goes below and above 0, both >= 0.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engine.affine import SMALLEST_SCALE, percentiles
from engine.learning import fused
from engine.learning.protection import ProtectedRows, row_mask
from engine.spec import Ema, Percentile, QuantSpec, RangeRule

SEARCH_FROM = 0.93
"""Where the search for a percentile starts, as a share of the previous batch's."""


def batch_reach(
    x: Tensor, spec: QuantSpec, protected: ProtectedRows | None, last: Tensor
) -> Tensor:
    """Return the reach that a spec's rule sees in one batch.

    Args:
        x: Real numbers, [N, ...] or, per channel, [N, F'].
        spec: Its rule and granularity.
        protected: Rows that do not count.
        last: The previous batch's, a hint that changes the cost only.

    Returns:
        Reach below and above 0, [2] or, per channel, [2, F']; 0 where no row counts.
    """
    by_channel = spec.granularity == "channel"
    if isinstance(spec.range, Percentile):
        tail = spec.range.tail
        if not by_channel:
            return _percentile_reach(x, tail, protected, last)
        columns = zip(x.unbind(1), last.unbind(1), strict=True)
        reaches = [_percentile_reach(column, tail, protected, hint) for column, hint in columns]
        return torch.stack(reaches, dim=1)
    rows = x if protected is None else protected.others(x)
    if not rows.numel():
        return torch.zeros_like(last)
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


def _percentile_reach(
    x: Tensor, tail: float, protected: ProtectedRows | None, last: Tensor
) -> Tensor:
    low, high = _percentiles(x, tail, protected, last)
    return torch.tensor((-low, high), dtype=x.dtype, device=x.device).clamp_(min=0)


def _percentiles(
    x: Tensor, tail: float, protected: ProtectedRows | None, last: Tensor
) -> tuple[float, float]:
    if x.is_cpu and x.dtype == torch.float32:
        rows = x.contiguous().view(len(x), x.shape[1:].numel()).numpy()
        below, above = (SEARCH_FROM * last).tolist()
        found, low, high = fused.tails(
            rows, row_mask(protected), tail, np.float32(-below), np.float32(above)
        )
        if found:
            return low, high
    values = x if protected is None else protected.others(x)
    if x.is_cpu:
        bottom, top = percentiles(values.numpy(), tail)
        return float(bottom), float(top)
    values = values[values != 0]
    if not values.numel():
        return 0.0, 0.0
    cut = int(tail * (values.numel() - 1))
    smallest, largest = values.kthvalue(cut + 1), values.kthvalue(values.numel() - cut)
    return smallest.values.item(), largest.values.item()
