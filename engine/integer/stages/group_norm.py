"""Differentiable group normalisation: the groups' shares of a node, and what they make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import Proof, reach
from engine.integer.stages.stage import (
    Scope,
    Slot,
    Stage,
    Step,
    Value,
    Values,
    exact,
    hold,
    real,
    slot_name,
)


@dataclass(frozen=True, slots=True)
class Share(Stage):
    """``target = Q(softmax of each row of source_hat)``.

    In float64, whatever its slots are held in.

    Args:
        target: [N, G].
        source: [N, G].
    """

    integer: ClassVar[bool] = False

    source: Slot

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slot it reads."""
        return (self.source,)

    def bind(self, scope: Scope) -> Step:
        """No sum of integers, no bound."""
        shape = scope.shapes[self.source]

        def compute(values: Values, kernels: Kernels) -> Value:
            x = exact(values[self.source])
            share = np.exp(x - x.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            return hold(share, scope.params.get(self.target), kernels)

        return Step(self, shape, shape[0] * shape[1], None, compute)


@dataclass(frozen=True, slots=True)
class Regroup(Stage):
    """``target = Q(source_hat + weight source_hat scale_hat + bias)``, entry by entry.

    A product of two codes: it runs in NumPy, for no kernel has one.

    Args:
        target: [N, F].
        source: [N, F].
        scale: [N, F].
        bias: [F], a constant in float32.
        weight: Weight of the product.
    """

    source: Slot
    scale: Slot
    bias: Slot
    weight: float

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads, the bias aside."""
        return self.source, self.scale

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``reach_x (one + each reach_s) + |bias_j|`` of any column j."""
        shape = scope.shapes[self.source]
        operations = 2 * shape[0] * shape[1]
        bias = np.asarray(real(scope.constants[self.bias]), np.float64)
        if not scope.integer(*self.sources):

            def compute(values: Values, kernels: Kernels) -> Value:
                x, scale = real(values[self.source]), real(values[self.scale])
                moved = x + np.float32(self.weight) * x * scale + bias.astype(np.float32)
                return hold(moved, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        params, of_scale = (scope.params[slot] for slot in self.sources)
        step = float(scope.scale(self.source))
        scales = [step, self.weight * step * float(scope.scale(self.scale))]
        reaches = [reach(params), reach(params) * reach(of_scale)]
        target = scope.params.get(self.target)
        resolved = step if target is None else float(target.first.scale)
        point = fixed_point(scales, reaches, [bias], resolved)
        one, each = map(int, point.multipliers)
        integer_bias = np.rint(bias / point.scale).astype(np.int64)
        most = one * reaches[0] + each * reaches[1] + int(np.abs(integer_bias).max(initial=0))
        proof = Proof(slot_name(self.target), most, wide=True)

        def run(values: Values, kernels: Kernels) -> Value:
            codes = _centred(values[self.source])
            sums = codes * (one + each * _centred(values[self.scale])) + integer_bias
            return hold(sums * point.scale, target, kernels)

        return Step(self, shape, operations, proof, run)


def _centred(value: Value) -> NDArray[Any]:
    """Return codes less that of zero, int64 [N, F]."""
    assert isinstance(value, IntArray)
    return value.codes().astype(np.int64) - int(value.params.zero)
