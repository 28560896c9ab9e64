"""Batch normalisation by batch statistics in training, folded to gain and bias in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.learning.kernels import norm as kernels

SMALLEST_GAIN = 2.0**-64
"""A gain of 0 has no bias that it could scale; it becomes this."""


class BatchNorm(nn.BatchNorm1d):
    """Normalise each column over all rows, [N, F].

    Evaluation computes what the integer program computes: gain and bias are folded from the running
    statistics in float64 and held in float32. One row has no variance, so it is normalised by the
    running statistics in training too.
    """

    def before(self, z: Tensor, bias: Tensor) -> Tensor:
        """Return the normalised ``z + bias``: ``gain (z + folded bias)``."""
        if self.training and len(z) > 1:
            return self._normalized(z, bias)
        gain, folded = self.folded_before(bias)
        return gain * (z + folded)

    def after(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``: ``gain x + bias``."""
        if self.training and len(x) > 1:
            return self._normalized(x)
        gain, bias = self.folded_after()
        return gain * x + bias

    def folded_before(self, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Return gain and bias of ``gain (z + bias)``, float32 [F] each, for a bias of ``z``."""
        gain, shift = self._folded()
        tiny = torch.full_like(gain, SMALLEST_GAIN)
        gain = torch.where(gain.abs() < tiny, tiny, gain)
        return gain.float(), (bias + shift / gain).float()

    def folded_after(self) -> tuple[Tensor, Tensor]:
        """Return gain and bias of ``gain x + bias``, float32 [F] each."""
        gain, bias = self._folded()
        return gain.float(), bias.float()

    def _normalized(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Return ``x`` [+ bias] by the statistics of its rows, which move the running ones."""
        if not x.is_cpu or x.dtype != torch.float32:
            whole: Tensor = super().forward(x if bias is None else x + bias)
            return whole
        normalized: Tensor = _Normalize.apply(x, self.weight, self.bias, bias, self)  # type: ignore[no-untyped-call]
        return normalized

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a batch, [F] each."""
        assert self.running_mean is not None  # tracked, unless told otherwise
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked += 1

    def _folded(self) -> tuple[Tensor, Tensor]:
        mean, variance = self.running_mean, self.running_var
        assert mean is not None  # tracked, unless told otherwise
        assert variance is not None
        gain = self.weight.double() / (variance.double() + self.eps).sqrt()
        return gain, self.bias.double() - gain * mean.double()


class _Normalize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, shift: Tensor, bias: Tensor | None, norm: BatchNorm
    ) -> Tensor:
        x = x.detach().contiguous()
        rows, columns = x.shape
        mean, squares = np.empty(columns), np.empty(columns)
        kernels.moments(x.numpy(), mean, squares)
        center = torch.from_numpy(mean.astype(np.float32))
        norm._follow(
            center if bias is None else center + bias.detach(),
            torch.from_numpy((squares / (rows - 1)).astype(np.float32)),
        )
        inverse = (1 / np.sqrt(squares / rows + norm.eps)).astype(np.float32)
        ctx.save_for_backward(x, weight.detach(), center, torch.from_numpy(inverse))
        normalized = torch.empty_like(x)
        gain = weight.detach().numpy() * inverse
        columns_of = (center.numpy(), gain, shift.detach().numpy())
        kernels.normalize(x.numpy(), *columns_of, normalized.numpy())
        return normalized

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, center, inverse = (held.numpy() for held in ctx.saved_tensors)
        upstream = grads[0].contiguous().numpy()
        rows, columns = x.shape
        total, along = np.empty(columns), np.empty(columns)
        kernels.gradient_sums(upstream, x, center, inverse, total, along)
        gain = weight * inverse
        of_x = (-gain * inverse * along / rows).astype(np.float32)
        constant = (-gain * total / rows).astype(np.float32)
        grad = torch.empty(x.shape)
        kernels.gradient(upstream, x, center, gain, of_x, constant, grad.numpy())
        of_gain, of_shift = (torch.from_numpy(held.astype(np.float32)) for held in (along, total))
        of_bias = torch.zeros(columns) if ctx.needs_input_grad[3] else None
        return grad, of_gain, of_shift, of_bias, None
