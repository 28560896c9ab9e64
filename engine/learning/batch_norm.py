"""Batch normalisation by batch statistics in training, folded to gain and bias in evaluation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

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
            normalized: Tensor = super().forward(z + bias)
            return normalized
        gain, folded = self.folded_before(bias)
        return gain * (z + folded)

    def after(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``: ``gain x + bias``."""
        if self.training and len(x) > 1:
            normalized: Tensor = super().forward(x)
            return normalized
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

    def _folded(self) -> tuple[Tensor, Tensor]:
        mean, variance = self.running_mean, self.running_var
        assert mean is not None  # tracked, unless told otherwise
        assert variance is not None
        gain = self.weight.double() / (variance.double() + self.eps).sqrt()
        return gain, self.bias.double() - gain * mean.double()
