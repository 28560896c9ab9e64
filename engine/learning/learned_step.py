"""Fake quantization on a grid whose step is trained."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.affine import SMALLEST_SCALE
from engine.learning.fake_quantize import fake_quantize
from engine.learning.protection import ProtectedRows
from engine.spec import QuantSpec


def learned_step_quantize(
    x: Tensor,
    step: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None = None,
    shift: int = 0,
) -> Tensor:
    """Move real numbers onto a grid of a trained step.

        x_hat = clamp(round(x / s), qmin, qmax) s

    Args:
        x: Real numbers, [N, ...], channels last.
        step: Step size ``s``, [] or [channels]; its magnitude counts.
        spec: Bounds of the codes.
        protected: Rows that pass unchanged.
        shift: In steps of 8 bits, where codes are truncated.

    Returns:
        ``x_hat``, same shape as ``x``.

    Gradient:
        To ``x``: 1 inside the range, 0 outside. To ``s``: ``round(x/s) - x/s`` inside, the end code
        outside, times ``1 / sqrt(numel qmax)``; protected rows give none.

    Source:
        Esser et al., Learned Step Size Quantization, ICLR 2020, equations 2 to 5.
    """
    share = 1 / (max(x.numel(), 1) * spec.qmax) ** 0.5
    step = step.abs().clamp(min=SMALLEST_SCALE)
    step = step.detach() + (step - step.detach()) * share
    return fake_quantize(x, step, torch.zeros_like(step), spec, protected, shift)
