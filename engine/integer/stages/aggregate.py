"""The sum over neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import Proof, reach
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
        width = scope.widths[self.source]
        norm = scope.constants[self.norm]
        weight = scope.constants.get(self.weight)
        operations = scope.neighbours.edges * width
        if not scope.integer(self.source) or (
            weight is not None and not scope.integer(self.weight)
        ):
            return self._bind_float(scope, norm, weight, width)

        rowptr, source = scope.neighbours.rowptr, scope.neighbours.source
        sums = _weight_sums(rowptr, weight)
        scale = scope.scale(self.source)
        if isinstance(weight, IntArray):
            scale = scale * weight.params.scale.astype(np.float64)
        if isinstance(norm, IntArray):
            codes = np.abs(norm.codes() - norm.params.zero)
            scale = scale * scope.scale(self.norm)
            ending = scope.ending(self.target, scale, width)
        else:
            codes = np.ones(sums.size, np.int32)
            ending = Ending(None, np.full(width, scale, np.float32))
        proof = _prove(slot_name(self.target), sums, codes, reach(scope.params[self.source]))
        packed_weight = weight.packed if isinstance(weight, IntArray) else None
        packed_norm = norm.packed if isinstance(norm, IntArray) else None
        norm_hat = real(norm)
        edges = rowptr, source, scope.blocks

        def run(values: Values, kernels: Kernels) -> Value:
            message = values[self.source]
            assert isinstance(message, IntArray)
            target, result = ending.open(message.shape[0])
            kernels.aggregate(
                *edges, message.packed, packed_weight, packed_norm, target, proof.accumulator
            )
            if packed_norm is None:
                return hold(norm_hat[:, None] * result, scope.params.get(self.target), kernels)
            return result

        return Step(self, width, operations, proof, run)

    def _bind_float(self, scope: Scope, norm: Value, weight: Value | None, width: int) -> Step:
        rowptr, source = scope.neighbours.rowptr, scope.neighbours.source
        norm_hat = real(norm)
        weight_hat = np.ones(source.size, np.float32) if weight is None else real(weight)
        nodes = rowptr.size - 1
        adjacency = csr_array((weight_hat, source, rowptr), shape=(nodes, nodes))

        def compute(values: Values, kernels: Kernels) -> Value:
            aggregate = norm_hat[:, None] * (adjacency @ real(values[self.source]))
            return hold(aggregate, scope.params.get(self.target), kernels)

        return Step(self, width, scope.neighbours.edges * width, None, compute)


def _weight_sums(rowptr: NDArray[np.int64], weight: Value | None) -> NDArray[np.int64]:
    """Return each node's sum of |weight codes|, or its count of edges, [N]."""
    if not isinstance(weight, IntArray):
        return np.diff(rowptr)
    codes = np.abs(weight.codes().astype(np.int64) - weight.params.zero)
    total = np.concatenate(([0], np.cumsum(codes)))
    return total[rowptr[1:]] - total[rowptr[:-1]]


def _prove(
    name: str, sums: NDArray[np.int64], norm: NDArray[np.int32], message_reach: int
) -> Proof:
    node_bound = sums.astype(np.float64) * np.maximum(norm, 1) * message_reach
    if not node_bound.size:
        return Proof(name, 0, node_bound)
    # Exact at the node whose float64 bound is largest; a node within its rounding may be larger
    # by 2^-50 of it, so the bound is widened by that where float64 is no longer exact.
    top = int(node_bound.argmax())
    bound = int(sums[top]) * max(int(norm[top]), 1) * message_reach
    return Proof(name, bound + (bound >> 50), node_bound)
