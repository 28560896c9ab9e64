"""What a node gathers and adds of its own, each times a power of its degree, rounded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import Proof, reach
from engine.integer.stages.edges import Arrangement, Edges
from engine.integer.stages.stage import (
    Ending,
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
from engine.spec import NUDGE


@dataclass(frozen=True, slots=True)
class Part:
    """``(gain + pull multiplier) d_i^(power / 2) slot_hat_i``.

    Args:
        slot: [N, F'].
        gain: Its weight.
        power: Of the root of the degree d_i, the number of a node's neighbours and itself.
        pull: What its weight has of the stage's multiplier.
    """

    slot: Slot
    gain: float = 1.0
    power: int = 0
    pull: float = 0.0

    def weight(self, degree: NDArray[Any], multiplier: float) -> NDArray[np.float64]:
        """Return what each row is multiplied by, [N]."""
        gain = self.gain + self.pull * multiplier
        return np.asarray(gain * np.maximum(degree, 1).astype(np.float64) ** (self.power / 2))


@dataclass(frozen=True, slots=True)
class Propagate(Stage):
    """``target_i = Q(sum over i's neighbours and itself of a part + parts of i itself)``.

    Powers of the degree are integers of a common scale, one for each node and part, as exact as a
    requantization is: no norm is rounded to codes, as in a mean.

    Args:
        target: [N, F'].
        gathered: The part that is summed, weighted by the node that gathers; None for none.
        parts: One or two parts of the node itself.
        over: The edges to gather over.
        multiplier: [1], a constant in float32; None for 0.
    """

    gathered: Part | None
    parts: tuple[Part, ...]
    over: Arrangement
    multiplier: Slot | None = None

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads, the multiplier aside."""
        return tuple(part.slot for part in self._all)

    @property
    def _all(self) -> tuple[Part, ...]:
        return self.parts if self.gathered is None else (self.gathered, *self.parts)

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``factor_i |N(i)| reach + sum of factor_ti reach_t`` of any row i."""
        edges = scope.edges(self.over)
        held = 0.0 if self.multiplier is None else float(real(scope.constants[self.multiplier])[0])
        nudge = away(scope, self.target)
        weights = [nudge * part.weight(edges.degree, held) for part in self._all]
        if self.gathered is None:  # the first part is gathered over each node alone
            nodes = np.arange(edges.rows + 1)
            edges = Edges(nodes, nodes[:-1].astype(np.int32))
        shape = scope.shapes[self.sources[0]]
        operations = (edges.count + edges.rows * (len(weights) - 1)) * shape[1]
        if not scope.integer(*self.sources):
            return Step(self, shape, operations, None, self._float(scope, edges, weights))

        scales = [
            weight * float(scope.scale(slot))
            for weight, slot in zip(weights, self.sources, strict=True)
        ]
        reaches: list[Any] = [reach(scope.params[slot]) for slot in self.sources]
        reaches[0] = edges.degree * reaches[0]
        sums = row_sums(self.target, scales, reaches)
        message, *others = self.sources
        ending = scope.ending(self.target, sums.scale, shape[1], sums.proof.bound)
        each, *beside = sums.factors
        if message in others:  # a node adds its own codes anyway, and need not gather them too
            at = others.index(message)
            beside[at] = beside[at] + each * edges.looped
            edges = edges.between
        incoming = edges.incoming
        first, second = (*beside, each, each)[:2]

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            own: list[Any] = [_packed(values[slot]) for slot in others]
            own += [None] * (2 - len(own))
            target, result = ending.open(shape[0])
            operands = _packed(values[message]), each, own[0], first, own[1], second
            kernels.propagate(incoming, *operands, target)
            return result

        return Step(self, shape, operations, sums.proof, run, ending)

    def _float(
        self, scope: Scope, edges: Edges, weights: Sequence[NDArray[np.float64]]
    ) -> Callable[[Values, Kernels], Value]:
        adjacency = edges.matrix(1, edges.rows)
        message, *others = self.sources

        def compute(values: Values, kernels: Kernels) -> Value:
            total = weights[0][:, None] * (adjacency @ real(values[message]))
            for slot, weight in zip(others, weights[1:], strict=True):
                total += weight[:, None] * real(values[slot])
            return hold(total, scope.params.get(self.target), kernels)

        return compute


@dataclass(frozen=True, slots=True, eq=False)
class RowSums:
    """Sums over parts whose scales differ from row to row, as integers of one scale.

    Args:
        scale: Of the sums.
        factors: What each part's codes are multiplied by in each row, [N] each.
        proof: The bound on the sums.
    """

    scale: float
    factors: tuple[NDArray[np.int64], ...]
    proof: Proof


def row_sums(
    target: Slot, scales: Sequence[NDArray[np.float64]], reaches: Sequence[Any]
) -> RowSums:
    """Return how the parts of each row are added up: as exactly as 64 bits can.

    Over 64 steps, millions of codes each come as close to a tie as they may, and what one of them
    breaks differently from the simulation goes on to its neighbours.

    Args:
        target: The slot that the sums end in.
        scales: Of each part, [N].
        reaches: The largest magnitude of each part's codes, [] or [N].
    """
    point = fixed_point(scales, reaches, (), 1, tolerance=0)
    bounds = sum(
        np.abs(factor).astype(np.float64) * reach
        for factor, reach in zip(point.multipliers, reaches, strict=True)
    )
    # float64 may have rounded down
    bound = int(np.max(bounds, initial=0) * (1 + 2.0**-50)) + 1
    proof = Proof(slot_name(target), bound, np.asarray(bounds), wide=True)
    return RowSums(point.scale, tuple(map(np.ascontiguousarray, point.multipliers)), proof)


def away(scope: Scope, target: Slot) -> float:
    """Return what a target's sums are multiplied by, so that ties are rounded away from 0."""
    return NUDGE if scope.integer(target) else 1.0


def _packed(value: Value) -> Any:
    assert isinstance(value, IntArray)
    return value.packed
