"""One signature for the whole family: a quantizer moves a tensor onto its grid, or leaves it exact.

A layer calls ``quantizer(x, protected)`` and never asks which kind it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from engine.affine import SMALLEST_SCALE, QParams
from engine.learning.fake_quantize import fake_quantize
from engine.learning.learned_step import learned_step_quantize
from engine.learning.protection import ProtectedRows
from engine.learning.ranges import batch_reach, follow, scale_and_zero
from engine.spec import Current, LearnedStep, QuantSpec


class Quantizer(nn.Module, ABC):
    """A map from real numbers to real numbers on a grid.

    In training, protected rows pass as they are; evaluation protects none.

    Args:
        spec: What it was asked for.
    """

    def __init__(self, spec: QuantSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``, same shape; in training ``protected`` rows stay as they are."""

    @abstractmethod
    def qparams(self) -> QParams | None:
        """Return what was learned, or None for a tensor that stays in float.

        Raises:
            ValueError: If no unprotected row was seen yet.
        """

    @abstractmethod
    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside, as post-training quantization does.

        Raises:
            ValueError: If they were found for another spec.
        """


class Exact(Quantizer):
    """The identity: the quantizer of a component that stays in float."""

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x`` itself."""
        return x

    def qparams(self) -> QParams | None:
        """Return None."""
        return None

    def load(self, params: QParams | None) -> None:
        """Accept None only."""
        if params is not None:
            bits = params.spec.bits
            raise ValueError(f"an exact quantizer accepts no parameters, got {bits} bits")


class GridQuantizer(Quantizer):
    """A quantizer with a scale and a zero point, found in training and frozen in evaluation."""

    scale: Tensor
    zero: Tensor
    batches: Tensor

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec)
        shape = (channels,) if spec.granularity == "channel" else ()
        self.register_buffer("zero", torch.zeros(shape))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def qparams(self) -> QParams:
        """Return spec, scale and zero point."""
        if not self.batches:
            raise ValueError(
                "a quantizer that saw no unprotected row has no range; train or calibrate first"
            )
        magnitude = self.scale.detach().abs().clamp(min=SMALLEST_SCALE)
        scale = magnitude.cpu().numpy().astype(np.float32)
        zero = self.zero.cpu().numpy().astype(np.int32)
        return QParams(self.spec, scale, zero)

    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside."""
        if params is None or params.spec != self.spec:
            got = "none" if params is None else f"those of {params.spec}"
            raise ValueError(f"wanted the parameters of {self.spec}, got {got}")
        with torch.no_grad():
            self.scale.copy_(torch.from_numpy(params.scale))
            self.zero.copy_(torch.from_numpy(params.zero))
            self.batches.fill_(1)


class Observed(GridQuantizer):
    """A quantizer whose range is observed on the unprotected rows of each training batch.

    Args:
        spec: Its rule may be any but `LearnedStep`.
        channels: Columns of the tensor, where the granularity is per channel.

    Source:
        Tailor et al., Degree-Quant, ICLR 2021: protected rows are not quantized and move no range.
    """

    reach: Tensor

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec, channels)
        self.register_buffer("scale", torch.ones_like(self.zero))
        self.register_buffer("reach", torch.zeros((2, *self.zero.shape)))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``; in training, first let the range follow the batch."""
        rows = protected if self.training else None
        if self.training or isinstance(self.spec.range, Current):
            self._observe(x.detach(), rows)
        return fake_quantize(x, self.scale, self.zero, self.spec, rows)

    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside, and the range that they cover."""
        super().load(params)
        with torch.no_grad():
            above = (self.spec.qmax - self.zero) * self.scale
            below = above if self.spec.symmetric else (self.zero - self.spec.qmin) * self.scale
            self.reach.copy_(torch.stack((below, above)))

    @torch.no_grad()
    def _observe(self, x: Tensor, protected: ProtectedRows | None) -> None:
        if protected is not None and protected.are_all:
            return
        reach = batch_reach(x.float(), self.spec, protected)
        if self.batches and not isinstance(self.spec.range, Current):
            reach = follow(self.reach, reach, self.spec.range)
        self.reach.copy_(reach)
        scale, zero = scale_and_zero(reach, self.spec)
        self.scale.copy_(scale)
        self.zero.copy_(zero)
        self.batches += 1


class LearnedStepQuantizer(GridQuantizer):
    """A quantizer whose step is a parameter, set by the first batch it sees.

    Args:
        spec: Its rule is `LearnedStep`.
        channels: Columns of the tensor, where the granularity is per channel.

    Source:
        Esser et al., Learned Step Size Quantization, ICLR 2020: step starts at
        ``2 mean|x| / sqrt(qmax)``, its gradient is scaled by ``1 / sqrt(numel qmax)``.

    Differs:
        The mean over a whole tensor is of its non-zero entries, so that a step of sparse features
        does not start at almost nothing.
    """

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec, channels)
        self.scale = nn.Parameter(torch.ones_like(self.zero))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``, differentiable in the step too."""
        rows = protected if self.training else None
        if self.training and not self.batches and (rows is None or not rows.are_all):
            with torch.no_grad():
                self._start(x if rows is None else rows.others(x))
        return learned_step_quantize(x, self.scale, self.spec, rows)

    def _start(self, x: Tensor) -> None:
        magnitude = x.abs()
        values = magnitude[magnitude > 0]
        if self.spec.granularity == "channel":
            mean = magnitude.mean(dim=0)
        else:
            mean = values.mean() if values.numel() else magnitude.new_zeros(())
        step = 2 * mean / self.spec.qmax**0.5
        self.scale.copy_(step.masked_fill(step == 0, 1.0))
        self.batches += 1


def quantizer(spec: QuantSpec, channels: int = 1) -> Quantizer:
    """Return the quantizer that a spec asks for.

    Args:
        spec: Any spec, float included.
        channels: Columns of the tensor, where the granularity is per channel.
    """
    if spec.is_float:
        return Exact(spec)
    if isinstance(spec.range, LearnedStep):
        return LearnedStepQuantizer(spec, channels)
    return Observed(spec, channels)
