"""Fake quantization: real numbers moved onto the grid, with the gradient that training sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.affine import FINE
from engine.learning.kernels import grid
from engine.learning.protection import ProtectedRows, row_mask
from engine.spec import QuantSpec

RULES = {"ste": grid.STE, "gc": grid.GC, "gc-ends": grid.GC_ENDS}
NOT_ASKED = np.zeros((0, 0), dtype=np.bool_)


def fake_quantize(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None = None,
    shift: int = 0,
) -> Tensor:
    """Move real numbers onto a grid: ``x_hat = (clamp(round(x / scale) + zero) - zero) scale``.

    Where codes are truncated, x is rounded to steps of 8 bits and shifted before. Of 1 bit,
    ``x_hat`` is the scale where x > 0, and elsewhere its opposite, or 0 where codes have no sign.

    Args:
        x: Real numbers, [N, F] or, with one scale, [N].
        scale: Step size, [] or [F].
        zero: Code of 0.0 as a float tensor, [] or [F].
        spec: Bounds of the codes and gradient rule.
        protected: Rows that pass unchanged.
        shift: In steps of 8 bits, where codes are truncated.

    Returns:
        ``x_hat``, same shape as ``x``.

    Gradient:
        To ``x``. ``ste``: 1. ``gc``: 0 where the code is clamped; of 1 bit, where it would be, were
        there more codes. ``gc-ends``: 0 where the code is an end code. Protected rows: 1.

        Where the scale is trained, to ``x`` whatever the rule: 1 between the ends of the range,
        their own included, 0 beyond; and to ``scale``: ``(x_hat - x) / scale`` between them,
        ``x_hat / scale`` beyond, 0 in protected rows.
    """
    if not (torch.is_grad_enabled() and (x.requires_grad or scale.requires_grad)):
        return _placed(x, scale, zero, spec, protected, shift, grid.STE)[0]
    result: Tensor = _FakeQuantize.apply(x, scale, zero, spec, protected, shift)  # type: ignore[no-untyped-call]
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
        shift: int,
    ) -> Tensor:
        clips, trains = ctx.needs_input_grad[:2]
        rule = grid.WITHIN if trains else RULES[spec.gradient] if clips else grid.STE
        x_hat, passes = _placed(x, scale, zero, spec, protected, shift, rule)
        if passes is not None:
            ctx.save_for_backward(passes, *((x, x_hat, scale) if trains else ()))
        return x_hat

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), of_scale = grads, None
        if ctx.saved_tensors:
            passes, *on_grid = ctx.saved_tensors
            grad, of_scale = _passed(grad, passes, *on_grid)
        return grad, of_scale, None, None, None, None


def _placed(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    shift: int,
    rule: int,
) -> tuple[Tensor, Tensor | None]:
    """Return ``x_hat`` and, but for ``STE``, where the gradient passes."""
    fused = x.is_cpu and x.dtype == torch.float32
    to_grid = _to_signs if spec.bits == 1 else _to_grid_fused if fused else _to_grid
    placed = x if spec.truncation == "none" else _truncated(x, scale, shift, protected)
    return to_grid(placed, scale, zero, spec, protected, rule)


def _truncated(x: Tensor, scale: Tensor, shift: int, protected: ProtectedRows | None) -> Tensor:
    """Return ``x`` in whole steps of 8 bits, shifted; as `engine.affine.truncated` does, in torch.

    The step is rounded to float32, as it is exported, whatever the type of ``x``.
    """
    step = (scale.detach().float() / FINE).to(x.dtype)
    places = (x.detach() / step).round_().add_(shift).mul_(step)
    return places if protected is None else protected.restore(places, x)


def _to_grid(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    rule: int,
) -> tuple[Tensor, Tensor | None]:
    place = torch.div(x, scale)
    rounded = place.round().add_(zero)
    codes = rounded.clamp(spec.qmin, spec.qmax)
    passes = None
    if rule == grid.GC:
        passes = codes == rounded
    elif rule == grid.GC_ENDS:
        passes = (rounded > spec.qmin) & (rounded < spec.qmax)
    elif rule == grid.WITHIN:
        passes = (place >= spec.qmin - zero) & (place <= spec.qmax - zero)
    return _restored(codes.sub_(zero).mul_(scale), passes, x, protected)


def _to_signs(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    rule: int,
) -> tuple[Tensor, Tensor | None]:
    scale = scale.to(x.dtype)
    x_hat = torch.where(x > 0, spec.qmax * scale, spec.qmin * scale)
    passes = None
    if rule != grid.STE:
        room = scale * spec.stride / 2
        passes = (x >= spec.qmin * scale - room) & (x <= spec.qmax * scale + room)
    return _restored(x_hat, passes, x, protected)


def _restored(
    x_hat: Tensor, passes: Tensor | None, x: Tensor, protected: ProtectedRows | None
) -> tuple[Tensor, Tensor | None]:
    """Return what was found, with protected rows as they were, which let all gradients pass."""
    if protected is None:
        return x_hat, passes
    if passes is not None:
        passes[protected.mask] = True
    return protected.restore(x_hat, x), passes


def _to_grid_fused(
    x: Tensor,
    scale: Tensor,
    zero: Tensor,
    spec: QuantSpec,
    protected: ProtectedRows | None,
    rule: int,
) -> tuple[Tensor, Tensor | None]:
    rows = x.detach().contiguous().numpy()
    x_hat = np.empty_like(rows)
    passes = NOT_ASKED if rule == grid.STE else np.empty(rows.shape, dtype=np.bool_)
    if rows.size:
        shape = (len(rows), -1)
        grid.to_grid(
            rows.reshape(shape),
            scale.detach().numpy().reshape(-1),
            zero.numpy().reshape(-1),
            np.float32(spec.qmin),
            np.float32(spec.qmax),
            row_mask(protected),
            rule,
            x_hat.reshape(shape),
            passes.reshape(shape) if passes.size else NOT_ASKED,
        )
    flags = None if rule == grid.STE else torch.from_numpy(passes)
    return torch.from_numpy(x_hat), flags


def _passed(
    upstream: Tensor,
    passes: Tensor,
    x: Tensor | None = None,
    x_hat: Tensor | None = None,
    scale: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Return the gradient to ``x`` and, where the scale is trained, to it, [] or [F]."""
    fused = upstream.is_cpu and upstream.dtype == torch.float32
    if scale is None or x is None or x_hat is None:
        return (_let_pass(upstream, passes) if fused else upstream * passes), None
    if not fused:
        grads = upstream * torch.where(passes, x_hat - x, x_hat)
        return upstream * passes, (grads.sum(0) if scale.dim() else grads.sum()) / scale
    given, step = upstream.detach().contiguous().numpy(), scale.detach().numpy()
    grad, of_step = np.empty_like(given), np.empty(step.size)
    numbers, places = x.detach().contiguous().numpy(), x_hat.detach().numpy()
    held = given, passes.numpy(), numbers, places, grad, of_step
    flat: list[Any] = [part.reshape(-1) for part in held]
    grid.to_step(*flat)
    along = np.asarray(of_step.reshape(step.shape).astype(np.float32) / step)
    return torch.from_numpy(grad), torch.from_numpy(along)


def _let_pass(upstream: Tensor, passes: Tensor) -> Tensor:
    given = upstream.detach().contiguous().numpy()
    grad = np.empty_like(given)
    flat = (held.reshape(-1) for held in (given, passes.numpy(), grad))
    grid.let_pass(np.float32(1), *flat)
    return torch.from_numpy(grad)
