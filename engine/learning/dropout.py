"""Dropout whose noise comes from a generator, so that a run repeats whatever else draws."""

from __future__ import annotations

import torch
from torch import Tensor


def dropout(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Return ``x`` with a share of its entries 0 and the others divided by ``1 - share``.

    Args:
        x: Any shape.
        share: Probability that an entry is dropped, in [0, 1).
        generator: Source of the noise, on the device of ``x``.
    """
    if share == 0:
        return x
    noise = torch.rand(x.shape, generator=generator, device=x.device)
    return x * (noise >= share).to(x.dtype).div_(1 - share)
