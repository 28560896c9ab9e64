"""What a node sends."""

from __future__ import annotations

from dataclasses import dataclass

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
        ending = scope.ending(self.target, scale, shape[1])
        packed = norm.packed

        def run(values: Values, kernels: Kernels) -> Value:
            x = values[self.source]
            assert isinstance(x, IntArray)
            target, result = ending.open(x.shape[0])
            kernels.scale(x.packed, packed, target, proof.accumulator)
            return result

        return Step(self, shape, operations, proof, run)
