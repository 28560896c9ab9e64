"""Activation, residual and bias: sums of arrays of different scales."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.operands import Term
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray, zero_offset
from engine.integer.proof import Proof, reach
from engine.integer.stages.stage import (
    Scope,
    Slot,
    Stage,
    Step,
    Value,
    Values,
    hold,
    real,
    slot_name,
)

NO_FLOOR = -(1 << 16)


@dataclass(frozen=True, slots=True)
class Summand:
    """A slot, or its ReLU.

    Args:
        slot: [N, F'].
        relu: Whether negative entries become 0.
    """

    slot: Slot
    relu: bool = False


@dataclass(frozen=True, slots=True)
class Combine(Stage):
    """``target = Q(first_hat [+ second_hat] [+ bias])``, each summand with or without ReLU.

    Args:
        target: [N, F'].
        first: A summand.
        second: Another, or None.
        bias: [F'], a constant in float32, or None; an integer in the accumulator's scale.
    """

    first: Summand
    second: Summand | None = None
    bias: Slot | None = None

    @property
    def summands(self) -> tuple[Summand, ...]:
        """The summands there are."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads, the bias aside."""
        return tuple(summand.slot for summand in self.summands)

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``sum_t multiplier_t reach_t + |bias_j|`` of any column j."""
        width = scope.widths[self.first.slot]
        bias = (
            np.zeros(width, np.float32) if self.bias is None else real(scope.constants[self.bias])
        )
        operations = scope.entries(self.first.slot) * len(self.summands)
        if not scope.integer(*self.sources):

            def compute(values: Values, kernels: Kernels) -> Value:
                total = bias
                for summand in self.summands:
                    x = real(values[summand.slot])
                    total = total + (np.maximum(x, 0) if summand.relu else x)
                return hold(total, scope.params.get(self.target), kernels)

            return Step(self, width, operations, None, compute)

        scales = [float(scope.scale(slot)) for slot in self.sources]
        reaches = [_reach(scope, summand) for summand in self.summands]
        step = float(scope.scale(self.target)) if scope.integer(self.target) else max(scales)
        point = fixed_point(scales, reaches, float(np.abs(bias).max(initial=0)), step)
        integer_bias = np.rint(bias.astype(np.float64) / point.scale).astype(np.int64)
        bound = int(np.abs(integer_bias).max(initial=0))
        bound += sum(m * largest for m, largest in zip(point.multipliers, reaches, strict=True))
        proof = Proof(slot_name(self.target), bound)
        ending = scope.ending(self.target, point.scale, width)
        accumulator_bias = integer_bias.astype(proof.accumulator)

        def run(values: Values, kernels: Kernels) -> Value:
            terms = []
            for summand, multiplier in zip(self.summands, point.multipliers, strict=True):
                x = values[summand.slot]
                assert isinstance(x, IntArray)
                words, bits, zero, _ = x.packed
                floor = 0 if summand.relu else NO_FLOOR
                terms.append(Term(words, bits, zero, width, multiplier, floor))
            first, second = terms[0], terms[1] if len(terms) == 2 else None
            target, result = ending.open(first.words.shape[0])
            kernels.combine(first, second, accumulator_bias, target, proof.accumulator)
            return result

        return Step(self, width, operations, proof, run)


def _reach(scope: Scope, summand: Summand) -> int:
    params = scope.params[summand.slot]
    if summand.relu:
        return max((1 << params.spec.bits) - 1 - zero_offset(params), 0)
    return reach(params)
