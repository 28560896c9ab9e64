"""What undirected edges hold of their own: how it moves, and how it pulls at their ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import Proof, reach
from engine.integer.stages.edges import Edges
from engine.integer.stages.propagate import Part, away, row_sums
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


@dataclass(frozen=True, slots=True)
class Pull(Stage):
    """``target_i = Q(own part of i + part of the sum of +-dual_hat_e over i's undirected edges)``.

    A dual counts positively at its edge's first end and negatively at its second.

    Args:
        target: [N, F'].
        own: A part of the node itself, [N, F'].
        dual: A part of the edges' duals, [P, F'], weighted by the node.
    """

    own: Part
    dual: Part

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""
        return self.own.slot, self.dual.slot

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``dual_factor_i |edges of i| reach_z + own_factor_i reach_x``."""
        degree = scope.edges("elastic").degree
        incidence = scope.neighbourhoods.incidence
        shape = scope.shapes[self.own.slot]
        operations = (2 * incidence.pairs + shape[0]) * shape[1]
        nudge = away(scope, self.target)
        weights = [nudge * part.weight(degree, 0) for part in (self.dual, self.own)]
        joined = incidence.firsts + incidence.seconds
        if not scope.integer(*self.sources):
            signed = differences(scope).T.tocsr()

            def compute(values: Values, kernels: Kernels) -> Value:
                total = weights[0][:, None] * (signed @ real(values[self.dual.slot]))
                total += weights[1][:, None] * real(values[self.own.slot])
                return hold(total, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        scales = [
            weight * float(scope.scale(slot))
            for weight, slot in zip(weights, (self.dual.slot, self.own.slot), strict=True)
        ]
        most = np.diff(joined) * reach(scope.params[self.dual.slot])
        sums = row_sums(self.target, scales, [most, reach(scope.params[self.own.slot])])
        ending = scope.ending(self.target, sums.scale, shape[1], sums.proof.bound)
        ends = incidence.firsts, incidence.seconds, incidence.by_second
        blocks = Edges(joined, incidence.by_second).blocks

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            dual, own = values[self.dual.slot], values[self.own.slot]
            assert isinstance(dual, IntArray)
            assert isinstance(own, IntArray)
            target, result = ending.open(shape[0])
            operands = dual.packed, sums.factors[0], own.packed, sums.factors[1]
            kernels.pull(*ends, blocks, *operands, target)
            return result

        return Step(self, shape, operations, sums.proof, run, ending)


@dataclass(frozen=True, slots=True)
class Ascend(Stage):
    """``target_e = Q(clamp(dual_hat_e + beta (source_hat_i - source_hat_j), -most, most))``.

    i and j are the first and the second end of the undirected edge e.

    Args:
        target: [P, F'].
        source: [N, F'].
        beta: Weight of the difference.
        most: Largest magnitude of a dual.
        dual: [P, F']; None for 0.
    """

    source: Slot
    beta: float
    most: float
    dual: Slot | None = None

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""
        return (self.source,) if self.dual is None else (self.source, self.dual)

    def bind(self, scope: Scope) -> Step:
        """Bound: ``each (2^bits - 1) + own reach_z``, which is at least that of the clamp."""
        incidence, width = scope.neighbourhoods.incidence, scope.shapes[self.source][1]
        shape = incidence.pairs, width
        operations = 2 * incidence.pairs * width
        nudge = away(scope, self.target)
        if not scope.integer(*self.sources):
            matrix = differences(scope)

            def compute(values: Values, kernels: Kernels) -> Value:
                moved = self.beta * (matrix @ real(values[self.source]))
                if self.dual is not None:
                    moved = moved + real(values[self.dual])
                clamped = np.clip(moved, -self.most, self.most)
                return hold(nudge * clamped, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        spread = scope.params[self.source].spec
        scales = [nudge * self.beta * float(scope.scale(self.source))]
        reaches = [(1 << spread.bits) - 1]
        if self.dual is not None:
            scales.append(nudge * float(scope.scale(self.dual)))
            reaches.append(reach(scope.params[self.dual]))
        point = fixed_point(scales, reaches, (nudge * self.most,), 1, tolerance=0)
        each, *own = map(int, point.multipliers)
        held = sum(
            abs(factor) * largest
            for factor, largest in zip(map(int, point.multipliers), reaches, strict=True)
        )
        most = int(np.rint(nudge * self.most / point.scale))
        proof = Proof(slot_name(self.target), max(held, most), wide=True)
        ending = scope.ending(self.target, point.scale, width, proof.bound)

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            ends = values[self.source]
            dual = None if self.dual is None else values[self.dual]
            assert isinstance(ends, IntArray)
            assert dual is None or isinstance(dual, IntArray)
            target, result = ending.open(incidence.pairs)
            operands = ends.packed, each, None if dual is None else dual.packed, sum(own), most
            joined = incidence.first, incidence.second
            kernels.ascend(*joined, *operands, target)
            return result

        return Step(self, shape, operations, proof, run, ending)


def differences(scope: Scope) -> csr_array:
    """Return the sparse matrix [P, N] of each undirected edge's first end less its second."""
    incidence = scope.neighbourhoods.incidence
    ends: NDArray[np.int32] = np.stack((incidence.first, incidence.second), axis=1).ravel()
    signs = np.tile(np.array([1, -1], np.float32), incidence.pairs)
    places = 2 * np.arange(incidence.pairs + 1)
    return csr_array((signs, ends, places), shape=(incidence.pairs, incidence.nodes))
