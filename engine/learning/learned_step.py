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
    step = trained_step(x, step, spec)
    return fake_quantize(x, step, torch.zeros_like(step), spec, protected, shift)


def trained_step(x: Tensor, step: Tensor, spec: QuantSpec) -> Tensor:
    """Return the magnitude of a step whose gradient is scaled by ``1 / sqrt(numel qmax)``.

    Args:
        x: What it quantizes.
        step: Step size, [] or [channels].
        spec: Bounds of the codes.
    """
    share = 1 / (max(x.numel(), 1) * spec.qmax) ** 0.5
    size = step.abs().clamp(min=SMALLEST_SCALE)
    trained: Tensor = size.detach() + (size - size.detach()) * share
    return trained
