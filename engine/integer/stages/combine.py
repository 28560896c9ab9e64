"""Bias, gain, activation, residual: sums of arrays of different scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.operands import CodeTarget, Places, Term, Words
from engine.integer.kernels.table import NUMPY, Kernels
from engine.integer.packing import IntArray, zero_offset
from engine.integer.proof import Proof
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.link import WIDEST, ElementWise, ends, read_exactly
from engine.integer.stages.stage import (
    Ending,
    Scope,
    Slot,
    Stage,
    Step,
    Value,
    Values,
    dense,
    hold,
    keeps_zero,
    real,
    slot_name,
)
from engine.spec import Activation

ELU_BITS = 30
"""Bits of the integers that stand for an ELU whose channels have gains; without, all there are."""


BIAS_STEPS = 256
"""How many times its largest bias a step of a real result may be, before it is taken finer."""


@dataclass(frozen=True, slots=True)
class Summand:
    """``gain activation(slot_hat)``.

    Args:
        slot: [N, F'].
        activation: What it passes.
        gain: [F'], a constant in float32; None for 1.
    """

    slot: Slot
    activation: Activation = "none"
    gain: Slot | None = None


@dataclass(frozen=True, slots=True)
class Combine(Stage):
    """``target = Q(gain (first [+ second] + bias))``, or the ReLU of it.

    Args:
        target: [N, F'].
        first: A summand.
        second: Another, or None.
        bias: [F'], a constant in float32; None for 0.
        gain: [F'], a constant in float32; None for 1.
        relu: Whether a negative result becomes 0.
    """

    first: Summand
    second: Summand | None = None
    bias: Slot | None = None
    gain: Slot | None = None
    relu: bool = False

    @property
    def summands(self) -> tuple[Summand, ...]:
        """The summands there are."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def _is_by_entry(self) -> bool:
        """Whether every entry becomes another in the same way, and 0 stays 0."""
        gains = self.first.gain, self.gain
        return self.second is None and self.bias is None and gains == (None, None)

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads, those of constants aside."""
        return tuple(summand.slot for summand in self.summands)

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``sum_t multiplier_tj reach_t + |bias_j|`` of any column j.

        The gain of the sum is a factor of its requantization, that of a summand in its multiplier.
        """
        shape = scope.shapes[self.first.slot]
        operations = shape[0] * shape[1] * len(self.summands)
        if not scope.integer(*self.sources):
            return Step(self, shape, operations, None, self._float(scope))

        gain = _constant(scope, self.gain, 1)
        sign = np.sign(gain) if self.relu else np.float64(1)  # of what the ReLU then meets
        size = gain * sign
        bias = sign * _constant(scope, self.bias, 0)
        meanings = [_meaning(scope, summand, sign) for summand in self.summands]
        step = max(float(np.abs(meaning.scale).max()) for meaning in meanings)
        if scope.integer(self.target):
            step = float(scope.params[self.target].first.scale) / (float(np.abs(size).max()) or 1.0)
        else:  # scores of a network that collapsed to its bias are still told apart
            step = min(step, BIAS_STEPS * float(np.abs(bias).max()) or step)
        lone = len(meanings) == 1
        multiplied = [m for m in meanings if m.by_channel or (lone and m.whole)]
        point = fixed_point(
            [meaning.scale for meaning in multiplied],
            [meaning.reach for meaning in multiplied],
            [bias, *[m.reach * m.scale for m in meanings if m not in multiplied]],
            step,
        )
        tables, multipliers = zip(*[m.integers(point.scale) for m in meanings], strict=True)
        integer_bias = np.rint(bias / point.scale).astype(np.int64)
        largest = np.abs(integer_bias)
        for table, multiplier in zip(tables, multipliers, strict=True):
            largest = largest + np.abs(multiplier) * np.abs(table).max()
        proof = Proof(slot_name(self.target), int(largest.max()))
        kind = proof.accumulator
        floor = 0 if self.relu else int(np.iinfo(kind).min)

        def row(values: Any, width: int = shape[1]) -> NDArray[Any]:
            return np.ascontiguousarray(np.broadcast_to(values, width), kind)

        scaled = [(t.astype(kind), row(m)) for t, m in zip(tables, multipliers, strict=True)]
        bias_row = row(integer_bias)
        ending = scope.ending(self.target, point.scale * size, shape[1], proof.bound)

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            terms = []
            for slot, operands in zip(self.sources, scaled, strict=True):
                x = dense(values[slot])
                assert isinstance(x, IntArray)
                words, bits, _, width, _ = x.packed
                terms.append(Term(words, bits, width, *operands))
            first, second = terms[0], terms[1] if len(terms) == 2 else None
            target, result = ending.open(shape[0])
            kernels.combine(first, second, bias_row, floor, target, kind)
            return result

        def sparsely(places: Places) -> Step | None:
            if not (self._is_by_entry and scope.integer(self.target)):
                return None
            if not keeps_zero(scope.params[self.target]):
                return None
            table, width = scaled[0][0], places.blocks[1]
            multiplier, no_bias = row(multipliers[0], width), row(0, width)

            def run_stored(values: Values, kernels: Kernels, ending: Ending) -> Value:
                x = values[self.first.slot]
                assert isinstance(x, SparseIntArray)
                words, bits, *_ = x.packed
                term = Term(words, bits, width, table, multiplier)
                target, result = ending.open(places.blocks[0])
                kernels.combine(term, None, no_bias, floor, target, kind)
                assert isinstance(result, IntArray)
                return SparseIntArray(result, places)

            at_end = scope.ending(self.target, point.scale * size, width, proof.bound)
            return Step(self, shape, places.stored, proof, run_stored, at_end, places=places)

        def alone(words: Words, target: CodeTarget) -> None:
            term = Term(words, WIDEST, shape[1], *scaled[0])
            NUMPY.combine(term, None, bias_row, floor, target, kind)

        link = None
        plain = lone and not self.relu and self.first.activation == "none"
        if plain and not scope.integer(self.target):
            low, high = ends(scope.params[self.first.slot])
            if high - low < 1 << WIDEST:
                table, multiplier = (np.asarray(x, np.int64) for x in scaled[0])
                sums = multiplier * table[: high - low + 1, None] + bias_row
                link = read_exactly(np.arange(low, high + 1), sums, ending.factor)
        elif lone and scope.integer(self.target):
            slope = np.broadcast_to(meanings[0].scale / point.scale, shape[1])
            link = ElementWise(
                scope.params[self.first.slot],
                scope.params[self.target],
                slope * ending.factor,
                ending.factor,
                alone,
                least=0 if self.first.activation == "relu" else -np.inf,
                low=0 if self.relu else -np.inf,
            ).by_column()
        return Step(self, shape, operations, proof, run, ending, link, sparsely=sparsely)

    def _float(self, scope: Scope) -> Callable[[Values, Kernels], Value]:
        def constant(slot: Slot | None, otherwise: float) -> NDArray[np.float32]:
            return _constant(scope, slot, otherwise).astype(np.float32)

        gain, bias = constant(self.gain, 1), constant(self.bias, 0)
        gains = [constant(summand.gain, 1) for summand in self.summands]

        def compute(values: Values, kernels: Kernels) -> Value:
            total = bias
            for summand, of_summand in zip(self.summands, gains, strict=True):
                x = real(dense(values[summand.slot]))
                total = total + of_summand * activated(x, summand.activation)
            scaled = activated(gain * total, "relu" if self.relu else "none")
            return hold(scaled, scope.params.get(self.target), kernels)

        return compute


def activated(x: NDArray[Any], activation: Activation) -> NDArray[Any]:
    """Return real numbers after an activation."""
    if activation == "elu":
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    return np.maximum(x, 0) if activation == "relu" else x


def _constant(scope: Scope, slot: Slot | None, otherwise: float) -> NDArray[np.float64]:
    """Return a constant's real numbers, [F'], or one for all, []."""
    return np.asarray(otherwise if slot is None else real(scope.constants[slot]), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Meaning:
    """What the codes of a summand stand for: ``scale_j steps[code_ij]``.

    Args:
        steps: One for each unsigned code, float64 [2^bits].
        scale: () or, where channels have gains, [F'].
        whole: Whether all steps are integers.
    """

    steps: NDArray[np.float64]
    scale: NDArray[np.float64]
    whole: bool

    @property
    def reach(self) -> int:
        """The largest magnitude of a step, rounded up."""
        return int(np.ceil(np.abs(self.steps).max()))

    @property
    def by_channel(self) -> bool:
        """Whether channels differ, so that each needs a multiplier."""
        return self.scale.ndim == 1

    def integers(self, common: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the table of codes and its multipliers, () or [F'], in units of a scale."""
        if self.by_channel:
            return np.rint(self.steps).astype(np.int64), np.rint(self.scale / common).astype(int)
        return np.rint(self.steps * (self.scale / common)).astype(np.int64), np.array(1)


def _meaning(scope: Scope, summand: Summand, sign: Any) -> _Meaning:
    """Return the meaning of a summand's codes, or of their opposites where the sign is so."""
    params = scope.params[summand.slot]
    step, zero = float(params.scale), zero_offset(params)
    codes = params.spec.stride * np.arange(1 << params.spec.bits) - float(zero)
    scale = np.asarray(sign * _constant(scope, summand.gain, 1) * step)
    if summand.activation != "elu":
        return _Meaning(activated(codes, summand.activation), scale, True)
    steps = activated(codes * step, "elu") / step
    if not scale.ndim:
        return _Meaning(steps, scale, False)
    fine = 2.0 ** (ELU_BITS - params.spec.bits)
    return _Meaning(np.rint(steps * fine), scale / fine, True)
