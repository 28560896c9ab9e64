"""The normed sum over neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.operands import Packed
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import prove_rows, reach
from engine.integer.stages.edges import Edges
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
class Aggregate(Stage):
    """``target_i = Q(norm_hat_i sum_{j in N(i)} weight_hat_ij source_hat_j)``.

    Args:
        target: [N, F'].
        source: [N, F'].
        norm: [N], a constant of the graph.
        weight: [E], a constant of a weighted graph; without one all are 1.
    """

    source: Slot
    norm: Slot
    weight: Slot

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads, the weights aside, which are in codes where the norm is."""
        return self.source, self.norm

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``max(|norm_i|, 1) reach_m sum_j |weight_ij|`` of any node, in codes.

        With an unquantized norm on a graph without weights the sum is still an exact integer, and
        the norm a float32 factor of it.
        """
        edges = scope.edges("gcn")
        width = scope.shapes[self.source][1]
        norm = scope.constants[self.norm]
        weight = scope.constants.get(self.weight)
        if not scope.integer(self.source) or (
            weight is not None and not scope.integer(self.weight)
        ):
            return self._bind_float(scope, edges, norm, weight)

        sums = _weight_sums(edges, weight)
        scale = scope.scale(self.source)
        if isinstance(weight, IntArray):
            scale = scale * weight.params.scale.astype(np.float64)
        codes = np.ones(sums.size, np.int32)
        if isinstance(norm, IntArray):
            codes = np.abs(norm.codes() - norm.params.zero)
            scale = scale * scope.scale(self.norm)
        proof = prove_rows(slot_name(self.target), sums, codes, reach(scope.params[self.source]))
        if isinstance(norm, IntArray):
            ending = scope.ending(self.target, scale, width, proof.bound)
        else:
            ending = Ending(None, np.full(width, scale, np.float32))
        packed_weight = _by_edge(weight) if isinstance(weight, IntArray) else None
        packed_norm = norm.packed if isinstance(norm, IntArray) else None
        norm_hat = real(norm)

        def run(values: Values, kernels: Kernels, ending: Ending = ending) -> Value:
            message = values[self.source]
            assert isinstance(message, IntArray)
            target, result = ending.open(message.shape[0])
            operands = message.packed, packed_weight, packed_norm
            kernels.aggregate(edges.incoming, *operands, target, proof.accumulator)
            if packed_norm is None:
                return hold(norm_hat[:, None] * result, scope.params.get(self.target), kernels)
            return result

        own = None if packed_norm is None else ending  # with a float norm it ends in `hold`
        return Step(self, (edges.rows, width), edges.count * width, proof, run, own)

    def _bind_float(self, scope: Scope, edges: Edges, norm: Value, weight: Value | None) -> Step:
        nodes, width = scope.shapes[self.source]
        norm_hat = real(norm)
        adjacency = edges.matrix(1 if weight is None else real(weight), nodes)

        def compute(values: Values, kernels: Kernels) -> Value:
            aggregate = norm_hat[:, None] * (adjacency @ real(values[self.source]))
            return hold(aggregate, scope.params.get(self.target), kernels)

        return Step(self, (nodes, width), edges.count * width, None, compute)


def _by_edge(weight: IntArray) -> Packed:
    """Return weights in rows of one, [E, 1], each in a word of its own."""
    bits, zero = weight.packed.bits, weight.packed.zero
    words: Any = (weight.codes() - weight.params.spec.qmin).astype(weight.words.dtype)
    return Packed(words[:, None], max(bits, 8), zero, 1)


def _weight_sums(edges: Edges, weight: Value | None) -> NDArray[np.int64]:
    """Return each node's sum of |weight codes|, or its count of edges, [N]."""
    if not isinstance(weight, IntArray):
        return edges.degree
    codes = np.abs(weight.codes().astype(np.int64) - weight.params.zero)
    total = np.concatenate(([0], np.cumsum(codes)))
    return total[edges.rowptr[1:]] - total[edges.rowptr[:-1]]
