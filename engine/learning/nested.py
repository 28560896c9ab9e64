"""Widths by in-degree while training: every bucket of nodes on its own codes of one grid."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from engine.affine import QParams, with_buckets
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import (
    GridQuantizer,
    LearnedRangeQuantizer,
    Quantizer,
    quantizer,
)
from engine.learning.ranges import batch_reach, follow
from engine.nesting import Nested
from engine.spec import LearnedStep, QuantSpec


class NestedQuantizer(Quantizer):
    """A quantizer whose rows have the width of their node's in-degree.

        x_hat_i = multiple_k s clamp(round(q_i / multiple_k), -below_k, above_k),  q_i = grid(x_i)

    The grid, with its step s, is that of a quantizer without buckets, which all rows train. Each
    bucket k observes the range of its own rows by the same rule; from that follow its multiple and
    its codes below 0.0 in every training forward, and evaluation uses the last ones. A bucket of
    which no row was seen spans the grid.

    Args:
        spec: Has buckets.

    Gradient:
        To ``x``, that of the grid, but by ``gc``, or where the step is trained, none where a
        bucket's code is clamped, and by ``gc-ends`` none where it is an end code either. To a
        trained step, that of the codes each row ends up with.

    Source:
        Feng et al., SGQuant: Squeezing the Last Bit on Graph Neural Networks with Specialized
        Quantization, ICTAI 2020.

    Differs:
        There every node is quantized by itself, over its own minimum and maximum, and read back in
        float. Here nodes of a bucket share a range, and all buckets a grid, so that integers of
        different widths can be added.
    """

    degrees: Tensor
    reach: Tensor
    seen: Tensor
    multiple: Tensor
    below: Tensor

    def __init__(self, spec: QuantSpec) -> None:
        super().__init__(spec)
        grid = quantizer(replace(spec, buckets=()))
        assert isinstance(grid, GridQuantizer)  # float has no buckets
        self.grid = grid
        self.widths = [bucket.bits for bucket in spec.buckets]
        count = len(self.widths)
        degrees = torch.tensor([bucket.degree for bucket in spec.buckets])
        self.register_buffer("degrees", degrees, persistent=False)
        self.register_buffer("reach", torch.zeros((count, 2)))
        self.register_buffer("seen", torch.zeros(count, dtype=torch.bool))
        self.register_buffer("multiple", torch.ones(count + 1))
        self.register_buffer("below", torch.zeros(count + 1))

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return ``x_hat``; in training, first let the ranges follow the batch.

        Raises:
            ValueError: If the rows come without their nodes' in-degree.
        """
        if protected is None or protected.degree is None:
            raise ValueError("widths by in-degree, but rows without one")
        bucket = torch.bucketize(protected.degree, self.degrees, right=True)
        on_grid = self.grid(x, protected)
        if self.training:
            self._follow(x.detach(), protected, bucket)
        x_hat = self._narrowed(on_grid, self.grid.step(x), bucket)
        return protected.restore(x_hat, on_grid) if self.training else x_hat

    def qparams(self) -> QParams:
        """Return the grid's scale and zero point, and each bucket's codes on it."""
        places = zip(self.multiple[1:].tolist(), self.below[1:].tolist(), strict=True)
        nested = tuple(
            Nested(bits, int(multiple), int(below))
            for bits, (multiple, below) in zip(self.widths, places, strict=True)
        )
        return replace(self.grid.qparams(), spec=self.spec, nested=nested)

    def load(self, params: QParams | None) -> None:
        """Take scale, zero point and each bucket's codes from outside."""
        if params is None or params.spec != self.spec:
            got = "none" if params is None else f"those of {params.spec}"
            raise ValueError(f"wanted the parameters of {self.spec}, got {got}")
        self.grid.load(replace(params, spec=self.grid.spec, nested=()))
        step = float(params.scale)
        with torch.no_grad():
            for index, nested in enumerate(params.nested):
                ends = nested.below, nested.above
                self.reach[index] = torch.tensor([end * nested.multiple * step for end in ends])
            self.seen.fill_(True)
            self._place(params)

    def _narrowed(self, on_grid: Tensor, step: Tensor, bucket: Tensor) -> Tensor:
        """Return numbers on the grid moved onto their bucket's codes, same shape."""
        over = (-1, *[1] * (on_grid.dim() - 1))
        multiple, below = self.multiple[bucket].view(over), self.below[bucket].view(over)
        codes = self._codes[bucket].view(over)
        with torch.no_grad():
            steps = torch.round(on_grid / step)
            nearest = torch.round(steps / multiple)
            place = torch.minimum(torch.maximum(nearest, -below), codes - below)
            moved = multiple * place
            value = moved * step
        passed = on_grid - on_grid.detach() + (step - step.detach()) * (moved - steps)
        if self.spec.gradient == "ste" and not step.requires_grad:
            return value + passed
        clamped = place != nearest
        if self.spec.gradient == "gc-ends" and not step.requires_grad:
            clamped = clamped | (place == -below) | (place == codes - below)
        return value + torch.where(clamped, (step - step.detach()) * moved, passed)

    @property
    def _codes(self) -> Tensor:
        """The largest code of each bucket, the smallest being 0, [K + 1]."""
        widths = torch.tensor([self.spec.bits, *self.widths], device=self.multiple.device)
        return (2**widths - 1).to(self.multiple.dtype)

    @torch.no_grad()
    def _follow(self, x: Tensor, protected: ProtectedRows, bucket: Tensor) -> None:
        """Let each bucket's range follow its unprotected rows, and its codes the range."""
        rule = self.spec.range
        for index, bits in enumerate(self.widths):
            rows = protected.beside(bucket != index + 1)
            if rows.are_all or (isinstance(rule, LearnedStep) and self.seen[index]):
                continue
            spec = replace(self.grid.spec, bits=bits)
            if isinstance(rule, LearnedStep):
                step = 2 * rows.others(x).abs().mean() / spec.qmax**0.5
                reach = torch.stack((-spec.qmin * step, spec.qmax * step))
            else:
                reach = batch_reach(x.float(), spec, rows)
            observing = self.spec.observes
            if observing is not None and self.seen[index]:
                reach = follow(self.reach[index], reach.to(self.reach.dtype), observing)
            self.reach[index] = reach
            self.seen[index] = len(x) > 0
        if not self.grid.batches:
            return
        share = 1.0
        if isinstance(self.grid, LearnedRangeQuantizer):
            share = abs(float(self.grid.alpha))
        reaches = [
            (share * low, share * high) if seen else None
            for (low, high), seen in zip(self.reach.tolist(), self.seen.tolist(), strict=True)
        ]
        self._place(with_buckets(self.grid.qparams(), self.spec, reaches))

    @torch.no_grad()
    def _place(self, params: QParams) -> None:
        nested = params.nested
        self.multiple.copy_(torch.tensor([1, *(n.multiple for n in nested)]))
        self.below.copy_(torch.tensor([params.room[0], *(n.below for n in nested)]))


def quantizer_of(spec: QuantSpec, channels: int = 1) -> Quantizer:
    """Return the quantizer that any spec asks for, one with buckets included.

    Args:
        spec: The spec.
        channels: Columns of the tensor, where the granularity is per channel.
    """
    return NestedQuantizer(spec) if spec.buckets else quantizer(spec, channels)
