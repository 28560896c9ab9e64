"""Fake quantization: real numbers moved onto the grid, with the gradient that training sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.learning.kernels import grid
from engine.learning.protection import ProtectedRows, row_mask
from engine.spec import QuantSpec

RULES = {"ste": grid.STE, "gc": grid.GC, "gc-ends": grid.GC_ENDS}
NOT_ASKED = np.zeros((0, 0), dtype=np.bool_)


def fake_quantize(
    x: Tensor, scale: Tensor, zero: Tensor, spec: QuantSpec, protected: ProtectedRows | None = None
) -> Tensor:
    """Move real numbers onto a grid: ``x_hat = (clamp(round(x / scale) + zero) - zero) scale``.

    Args:
        x: Real numbers, [N, F] or, with one scale, [N].
        scale: Step size, [] or [F].
        zero: Code of 0.0 as a float tensor, [] or [F].
        spec: Bounds of the codes and gradient rule.
        protected: Rows that pass unchanged.

    Returns:
        ``x_hat``, same shape as ``x``.

    Gradient:
        To ``x`` only. ``ste``: 1. ``gc``: 0 where the code is clamped. ``gc-ends``: 0 where the
        code is an end code. Protected rows: 1.
    """
    result: Tensor = _FakeQuantize.apply(x, scale, zero, spec, protected)  # type: ignore[no-untyped-call]
    return result


class _FakeQuantize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        scale: Tensor,
        zero: Tensor,
        spec: QuantSpec,
        protected: ProtectedRows | None,
    ) -> Tensor:
        clips = spec.gradient != "ste" and ctx.needs_input_grad[0]
        to_grid = _to_grid_fused if x.is_cpu and x.dtype == torch.float32 else _to_grid
        x_hat, passes = to_grid(x, scale, zero, spec, protected, clips)
        if passes is not None:
            ctx.save_for_backward(passes)
        return x_hat

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,) = grads
        if ctx.saved_tensors:
            grad = _let_pass(grad, *ctx.saved_tensors)
        return grad, None, None, None, None


def _to_grid(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    clips: bool,
) -> tuple[Tensor, Tensor | None]:
    rounded = torch.div(x, scale).round_().add_(zero)
    codes = rounded.clamp(spec.qmin, spec.qmax)
    passes = None
    if clips and spec.gradient == "gc":
        passes = codes == rounded
    elif clips:
        passes = (rounded > spec.qmin) & (rounded < spec.qmax)
    x_hat = codes.sub_(zero).mul_(scale)
    if protected is not None:
        x_hat = protected.restore(x_hat, x)
        if passes is not None:
            passes[protected.mask] = True
    return x_hat, passes


def _to_grid_fused(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    clips: bool,
) -> tuple[Tensor, Tensor | None]:
    rows = x.detach().contiguous()
    x_hat = torch.empty_like(rows)
    passes = torch.empty(rows.shape, dtype=torch.bool) if clips else None
    shape = (len(rows), -1) if protected is not None or scale.dim() else (1, -1)
    if not rows.numel():
        return x_hat, passes
    grid.to_grid(
        rows.view(shape).numpy(),
        scale.detach().view(-1).numpy(),
        zero.view(-1).numpy(),
        np.float32(spec.qmin),
        np.float32(spec.qmax),
        row_mask(protected),
        RULES[spec.gradient] if clips else grid.STE,
        x_hat.view(shape).numpy(),
        NOT_ASKED if passes is None else passes.view(shape).numpy(),
    )
    return x_hat, passes


def _let_pass(upstream: Tensor, passes: Tensor) -> Tensor:
    if not upstream.is_cpu or upstream.dtype != torch.float32:
        return upstream * passes
    upstream = upstream.contiguous()
    grad = torch.empty_like(upstream)
    flat = (held.view(-1).numpy() for held in (upstream, passes, grad))
    grid.let_pass(np.float32(1), *flat)
    return grad
