"""One signature for the whole family: a quantizer moves a tensor onto its grid, or leaves it exact.

A layer calls ``quantizer(x, protected)`` and never asks which kind it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.affine import SMALLEST_SCALE, STARTS, QParams
from engine.learning.fake_quantize import fake_quantize
from engine.learning.learned_step import learned_step_quantize, trained_step
from engine.learning.protection import ProtectedRows
from engine.learning.ranges import batch_reach, lean, magnitude, remember, scale_and_zero
from engine.spec import Current, Ema, LearnedRange, LearnedStep, Percentile, QuantSpec


class Quantizer(nn.Module, ABC):
    """A map from real numbers to real numbers on a grid.

    In training, protected rows pass as they are; evaluation protects none.

    Args:
        spec: What it was asked for.
    """

    def __init__(self, spec: QuantSpec) -> None:
        super().__init__()
        self.spec = spec

    @property
    def keeps_zero(self) -> bool:
        """Whether 0.0 stays 0.0, so that sparse rows stay sparse; signs -1 and +1 leave none."""
        return self.spec.stride == 1

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
    lean: Tensor

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec)
        shape = (channels,) if spec.granularity == "channel" else ()
        self.register_buffer("zero", torch.zeros(shape))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        if spec.truncation == "skewed":
            self.register_buffer("lean", torch.zeros(()))

    def qparams(self) -> QParams:
        """Return spec, scale and zero point."""
        if not self.batches:
            raise ValueError(
                "a quantizer that saw no unprotected row has no range; train or calibrate first"
            )
        magnitude = self.scale.detach().abs().clamp(min=SMALLEST_SCALE)
        scale = magnitude.cpu().numpy().astype(np.float32)
        zero = self.zero.cpu().numpy().astype(np.int32)
        return QParams(self.spec, scale, zero, self.shift)

    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside."""
        if params is None or params.spec != self.spec:
            got = "none" if params is None else f"those of {params.spec}"
            raise ValueError(f"wanted the parameters of {self.spec}, got {got}")
        with torch.no_grad():
            self.scale.copy_(torch.from_numpy(params.scale))
            self.zero.copy_(torch.from_numpy(params.zero))
            self.batches.fill_(1)
            if self.spec.truncation == "skewed":
                self.lean.fill_(params.shift)

    @abstractmethod
    def step(self, x: Tensor) -> Tensor:
        """Return the step size that ``x`` was quantized with, differentiable where trained."""

    @property
    def shift(self) -> int:
        """The shift of codes that are truncated, in steps of 8 bits."""
        return round(self.lean.item()) if self.spec.truncation == "skewed" else 0

    def _lean(self, x: Tensor, protected: ProtectedRows | None) -> None:
        """Let the shift follow the skewness of a batch's unprotected rows."""
        if self.spec.truncation != "skewed":
            return
        rule = self.spec.observes
        momentum = rule.momentum if self.batches and isinstance(rule, Ema | Percentile) else 1.0
        rows = x if protected is None else protected.others(x)
        self.lean.lerp_(lean(rows.detach()).to(self.lean.dtype), momentum)


class Observed(GridQuantizer):
    """A quantizer whose range is observed on the unprotected rows of each training batch.

    Args:
        spec: Its rule is one of those that observe.
        channels: Columns of the tensor, where the granularity is per channel.

    Gradient:
        That of `fake_quantize`. Of signs whose scale is the mean magnitude at hand, that of both:
        ``d x_hat_i / d x_j = scale [i = j] + sign_i sign_j / n``.

    Source:
        Tailor et al., Degree-Quant, ICLR 2021: protected rows are not quantized and move no range;
        Rastegari et al., XNOR-Net, ECCV 2016, for the gradient of signs.
    """

    reach: Tensor

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec, channels)
        self.register_buffer("scale", torch.ones_like(self.zero))
        self.register_buffer("reach", torch.zeros((2, *self.zero.shape)))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``; in training, first let the range follow the batch."""
        rows = protected if self.training else None
        at_hand = isinstance(self.spec.observes, Current)
        if self.training or at_hand:
            self._observe(x.detach(), rows)
        if at_hand and self.spec.bits == 1 and rows is None:
            signs = fake_quantize(x, torch.ones_like(self.scale), self.zero, self.spec)
            return magnitude(x, self.spec) * signs
        return fake_quantize(x, self.scale, self.zero, self.spec, rows, self.shift)

    def step(self, x: Tensor) -> Tensor:
        """Return the step size of the last forward."""
        return self.scale

    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside, and the range that they cover."""
        super().load(params)
        with torch.no_grad():
            above = (self.spec.qmax - self.zero) * self.scale
            below = above if self.spec.symmetric else (self.zero - self.spec.qmin) * self.scale
            self.reach.copy_(torch.stack((below, above)))

    def _observe(self, x: Tensor, protected: ProtectedRows | None) -> None:
        if protected is not None and protected.are_all:
            return
        x, starts = x.float(), not self.batches
        self._lean(x, protected)
        batch = batch_reach(x, self.spec, protected)
        remember(batch, self.spec, starts, self.reach, self.scale, self.zero)
        self.batches.add_(1)


class LearnedRangeQuantizer(Observed):
    """A quantizer whose observed range is multiplied by a trained factor, alpha.

        x_hat = (clamp(round(x / (alpha s)) + z, qmin, qmax) - z) alpha s

    s and z are those of the observed range, so that alpha moves both its ends and leaves z alone.
    Evaluation uses the scale of the last training forward; of a tensor at hand, that of the tensor.

    Args:
        spec: Its rule is `LearnedRange`.
        channels: Columns of the tensor, where the granularity is per channel; each has an alpha.

    Source:
        Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware
        Message Propagation, CIKM 2023.

    Differs:
        The paper's public code never trains alpha, shares one among the steps of a propagation, and
        evaluates on the range of the last training batch. Here each place has its own, and the
        range that alpha multiplies is remembered as its rule says.
    """

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec, channels)
        self.alpha = nn.Parameter(torch.ones_like(self.zero))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``, in training differentiable in alpha too."""
        if not self.training and not isinstance(self.spec.observes, Current):
            return fake_quantize(x, self.scale, self.zero, self.spec, shift=self.shift)
        rows, starts = protected if self.training else None, not self.batches
        self._observe(x.detach(), rows)
        if starts and self.batches:
            self._start(x.detach(), rows)
        scale = self._scaled(x)
        self.scale.copy_(scale.detach())
        return fake_quantize(x, scale, self.zero, self.spec, rows, self.shift)

    def step(self, x: Tensor) -> Tensor:
        """Return the step size of the last forward, in training differentiable in alpha."""
        return self._scaled(x) if self.training else self.scale

    def load(self, params: QParams | None) -> None:
        """Take scale and zero point from outside; alpha is 1."""
        super().load(params)
        nn.init.ones_(self.alpha)

    def _scaled(self, x: Tensor) -> Tensor:
        """Return alpha times the scale of the observed range, in the type of ``x``."""
        scale: Tensor = _Stretched.apply(self.alpha.float(), self._base)  # type: ignore[no-untyped-call]
        return scale.to(x.dtype)

    @property
    def _base(self) -> Tensor:
        """The scale of the observed range, float32 whatever the type of the module."""
        return scale_and_zero(self.reach.float(), self.spec)[0]

    @torch.no_grad()
    def _start(self, x: Tensor, protected: ProtectedRows | None) -> None:
        """Let alpha be what leaves the unprotected rows the least mean error."""
        rows = x if protected is None else protected.others(x)
        base, least = self._base, torch.full_like(self.alpha, float("inf"))
        for share in STARTS:
            x_hat = fake_quantize(rows, share * base, self.zero, self.spec, shift=self.shift)
            error = (x_hat - rows).abs()
            error = error.mean(0) if self.alpha.dim() else error.mean()
            self.alpha.copy_(torch.where(error < least, share, self.alpha))
            least = torch.minimum(error, least)


class _Stretched(torch.autograd.Function):
    """The magnitude of a factor times a scale, differentiable in the factor."""

    @staticmethod
    def forward(ctx: Any, factor: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(factor, scale)
        return (factor.abs() * scale).clamp_(min=SMALLEST_SCALE)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        factor, scale = ctx.saved_tensors
        return grads[0] * scale * factor.sign(), None


class LearnedStepQuantizer(GridQuantizer):
    """A quantizer whose step is a parameter, set by the first batch that is not all zeros.

    Args:
        spec: Its rule is `LearnedStep`.
        channels: Columns of the tensor, where the granularity is per channel.

    Source:
        Esser et al., Learned Step Size Quantization, ICLR 2020: step starts at
        ``2 mean|x| / sqrt(qmax)``, its gradient is scaled by ``1 / sqrt(numel qmax)``.

    Differs:
        The mean over a whole tensor is of its non-zero entries, so that a step of sparse features
        does not start at almost nothing. At 2 bits a first batch may be all zeros, as what came
        before was rounded; a step that started from it, at 1, would round all that follows to 0.
    """

    started: Tensor

    def __init__(self, spec: QuantSpec, channels: int = 1) -> None:
        super().__init__(spec, channels)
        self.scale = nn.Parameter(torch.ones_like(self.zero))
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``, differentiable in the step too."""
        rows = protected if self.training else None
        if self.training and (rows is None or not rows.are_all):
            self._lean(x.detach(), rows)
            if not self.started:
                self._start(x if rows is None else rows.others(x))
        return learned_step_quantize(x, self.scale, self.spec, rows, self.shift)

    def step(self, x: Tensor) -> Tensor:
        """Return the step size, with the share of the gradient that ``x`` gives it."""
        return trained_step(x, self.scale, self.spec)

    def load(self, params: QParams | None) -> None:
        """Take the step from outside."""
        super().load(params)
        self.started.fill_(True)

    @torch.no_grad()
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
        self.started.fill_(bool(values.numel()))


def groups_with_own_rate(module: nn.Module) -> list[dict[str, Any]]:
    """Return an optimizer's groups of what quantizers learn at learning rates of their own.

    Args:
        module: Whatever holds quantizers.
    """
    by_rate: dict[float, list[nn.Parameter]] = {}
    for held in module.modules():
        rule = held.spec.range if isinstance(held, GridQuantizer) else None
        if isinstance(rule, LearnedStep | LearnedRange) and rule.lr is not None:
            by_rate.setdefault(rule.lr, []).extend(held.parameters())
    return [{"params": held, "lr": lr} for lr, held in by_rate.items()]


def quantizer(spec: QuantSpec, channels: int = 1) -> Quantizer:
    """Return the quantizer that a spec asks for.

    Args:
        spec: Any spec without buckets, float included.
        channels: Columns of the tensor, where the granularity is per channel.
    """
    if spec.is_float:
        return Exact(spec)
    if isinstance(spec.range, LearnedStep):
        return LearnedStepQuantizer(spec, channels)
    if isinstance(spec.range, LearnedRange):
        return LearnedRangeQuantizer(spec, channels)
    return Observed(spec, channels)
