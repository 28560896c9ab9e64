"""Dropout whose noise comes from a generator, so that a run repeats whatever else draws."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.learning.kernels import noise
from engine.learning.kernels.grid import let_pass


def dropout(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Return ``x`` with a share of its entries 0 and the others divided by ``1 - share``.

    Args:
        x: Any shape.
        share: Probability that an entry is dropped, in [0, 1).
        generator: Source of the noise, on the device of ``x``; torch's own by default.
    """
    if share == 0 or not x.numel():
        return x
    if x.is_cpu and x.dtype == torch.float32 and _state_is_known():
        dropped: Tensor = _Dropout.apply(x, share, generator or torch.default_generator)  # type: ignore[no-untyped-call]
        return dropped
    drawn = torch.rand(x.shape, generator=generator, device=x.device)
    return x * (drawn >= share).to(x.dtype).div_(1 - share)


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: float, generator: torch.Generator) -> Tensor:
        ctx.factor = np.float32(1) / np.float32(1 - share)
        kept, dropped = _draw(x.detach(), share, ctx.factor, generator)
        ctx.save_for_backward(kept)
        return dropped

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (kept,) = ctx.saved_tensors
        upstream = grads[0].contiguous()
        grad = torch.empty_like(upstream)
        let_pass(ctx.factor, *(held.view(-1).numpy() for held in (upstream, kept, grad)))
        return grad, None, None


def _draw(
    x: Tensor, share: float, factor: np.float32, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return which entries are kept, and ``x`` without the others; moves the generator on.

    A generator's state holds its seed, how many words are left and which is next, then the words,
    as 64-bit integers but for the first count.
    """
    x = x.contiguous()
    kept, dropped = torch.empty(x.shape, dtype=torch.bool), torch.empty_like(x)
    state = generator.get_state()
    held = state.numpy()
    left, following = held[8:12].view(np.int32), held[16:24].view(np.int64)
    wide = held[24 : 24 + 8 * noise.WORDS].view(np.uint64)
    words = wide.astype(np.uint32)
    following[0] = noise.drop(
        words,
        noise.WORDS if left[0] == 1 else int(following[0]),
        np.uint32(math.ceil(float(np.float32(share)) * 2**noise.BITS)),
        factor,
        *(part.view(-1).numpy() for part in (x, kept, dropped)),
    )
    left[0], wide[:] = noise.WORDS + 1 - following[0], words
    generator.set_state(state)
    return kept, dropped


@cache
def _state_is_known() -> bool:
    """Return whether this torch keeps a generator's state as we read it, by drawing both ways."""
    ours, theirs = (torch.Generator().manual_seed(1) for _ in range(2))
    if ours.get_state().numel() < 24 + 8 * noise.WORDS:
        return False
    kept, _ = _draw(torch.ones(1000), 0.5, np.float32(2), ours)
    same_noise = torch.equal(kept, torch.rand(1000, generator=theirs) >= 0.5)
    return same_noise and torch.equal(ours.get_state(), theirs.get_state())
