"""What a node sends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.integer.kernels.operands import CodeTarget, Packed, Words
from engine.integer.kernels.table import NUMPY, Kernels
from engine.integer.packing import IntArray, zero_offset
from engine.integer.proof import Proof, reach
from engine.integer.stages.link import WIDEST, ElementWise, Link
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
class Scale(Stage):
    """``target_j = Q(norm_hat_j source_hat_j)``, once a node, not once an edge.

    Args:
        target: [N, F'].
        source: [N, F'].
        norm: [N], a constant of the graph.
    """

    source: Slot
    norm: Slot

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""
        return self.source, self.norm

    def bind(self, scope: Scope) -> Step:
        """Bound: ``reach_n reach_x``."""
        shape = scope.shapes[self.source]
        norm = scope.constants[self.norm]
        operations = scope.entries(self.source)
        if not scope.integer(self.source, self.norm):
            norm_hat = real(norm)

            def compute(values: Values, kernels: Kernels) -> Value:
                message = norm_hat[:, None] * real(values[self.source])
                return hold(message, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        assert isinstance(norm, IntArray)
        bound = reach(norm.params) * reach(scope.params[self.source])
        proof = Proof(slot_name(self.target), bound)
        scale = scope.scale(self.source) * scope.scale(self.norm)
        ending = scope.ending(self.target, scale, shape[1], bound)
        packed = norm.packed
        link = self._link(scope, norm, proof)

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            x = values[self.source]
            assert isinstance(x, IntArray)
            target, result = ending.open(x.shape[0])
            kernels.scale(x.packed, packed, target, proof.accumulator)
            return result

        return Step(self, shape, operations, proof, run, ending, link)

    def _link(self, scope: Scope, norm: IntArray, proof: Proof) -> Link | None:
        """Return the stage as a link; each norm code has a column in which all codes are tried."""
        params = scope.params.get(self.target)
        if params is None or norm.params.spec.bits > WIDEST:
            return None
        source = scope.params[self.source]
        zero, factor = zero_offset(norm.params), scope.scale(self.source) * scope.scale(self.norm)
        factor = factor / params.scale.astype(np.float64)
        norms, row = np.unique(norm.codes() - norm.params.spec.qmin, return_inverse=True)
        packed = Packed(norms.astype(np.uint8)[None], WIDEST, zero, norms.size)

        def run(words: Words, target: CodeTarget) -> None:
            x = Packed(words.T, WIDEST, zero_offset(source), words.shape[0])
            turned = np.broadcast_to(factor, words.shape[0])
            by_norm = target._replace(words=target.words.T, factor=turned)
            NUMPY.scale(x, packed, by_norm, proof.accumulator)

        return ElementWise(source, params, (norms - zero) * factor, factor, run).by_row(row)
