"""Sums, means and maxima of neighbours, or of a graph's nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.graphs.features import Gathering
from engine.integer.fixed_point import fixed_point
from engine.integer.kernels.operands import Places
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import prove_rows, reach
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.edges import Arrangement, Edges
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


@dataclass(frozen=True, slots=True)
class Gather(Stage):
    """``target_i = Q(how_{j in N(i)} source_hat_j [+ own source_hat_i])``; 0 without neighbours.

    Args:
        target: [N, F], or [G, F] of a pool.
        source: [N, F], dense or sparse.
        over: The edges to gather over.
        how: The sum, mean or maximum of each column.
        own: Weight of the node's own row beside the sum; 0 leaves it out.
    """

    source: Slot
    over: Arrangement
    how: Literal["sum", "mean", "max"]
    own: float = 0.0

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slot it reads."""
        return (self.source,)

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``(each |N(i)| + |own|) reach`` of any row; ``reach`` of a maximum."""
        edges = scope.edges(self.over)
        nodes, width = scope.shapes[self.source]
        shape, operations = (edges.rows, width), edges.count * width
        if not scope.integer(self.source):
            gathered = self._float(edges, nodes)

            def compute(values: Values, kernels: Kernels) -> Value:
                held = gathered(real(dense(values[self.source])))
                return hold(held, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        largest = reach(scope.params[self.source])
        scale = float(scope.scale(self.source))
        each, own = 1, 0
        if self.own:
            step = (
                float(scope.params[self.target].first.scale)
                if scope.integer(self.target)
                else scale
            )
            reaches = int(edges.degree.max(initial=0)) * largest, largest
            point = fixed_point((scale, self.own * scale), reaches, (), step)
            scale, (each, own) = point.scale, map(int, point.multipliers)
        count = np.minimum(edges.degree, 1) if self.how == "max" else edges.degree
        proof = prove_rows(
            slot_name(self.target), each * count + abs(own), np.ones_like(count), largest
        )
        bound = None if self.how == "mean" else proof.bound
        ending = scope.ending(self.target, scale, width, bound)
        weights = (each, own) if self.how == "sum" else ()

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            x = dense(values[self.source])
            assert isinstance(x, IntArray)
            target, result = ending.open(edges.rows)
            kernel = {"sum": kernels.total, "mean": kernels.mean, "max": kernels.maximum}[self.how]
            kernel(edges.incoming, x.packed, *weights, target, proof.accumulator)
            return result

        def sparsely(places: Places) -> Step | None:
            if self.how == "max" or not scope.integer(self.target):
                return None
            gathering = Gathering(
                rowptr=edges.rowptr,
                source=edges.source,
                starts=places.rowptr,
                columns=places.column,
                width=width,
                own=self.own != 0,
            )
            if not (gathering.stays_sparse and keeps_zero(scope.params[self.target])):
                return None
            stored = gathering.places()
            made = Places(stored.indptr.astype(np.int64), stored.indices.astype(np.int32), width)

            def run_stored(values: Values, kernels: Kernels, ending: Ending) -> Value:
                x = values[self.source]
                assert isinstance(x, SparseIntArray)
                target, result = ending.open(made.blocks[0])
                kernel = kernels.sparse_total if self.how == "sum" else kernels.sparse_mean
                held = places, x.packed
                kernel(edges.incoming, *held, *weights, made, target, proof.accumulator)
                assert isinstance(result, IntArray)
                return SparseIntArray(result, made)

            at_end = scope.ending(self.target, scale, made.blocks[1], bound)
            return Step(self, shape, gathering.reached, proof, run_stored, at_end, places=made)

        return Step(self, shape, operations, proof, run, ending, sparsely=sparsely)

    def _float(self, edges: Edges, nodes: int) -> Callable[[Any], NDArray[np.float32]]:
        """Return what gathers real numbers, float32 [N, F]."""
        if self.how == "max":
            return lambda x: _maxima(x, edges)
        weight: Any = 1
        if self.how == "mean":
            weight = np.repeat(1 / np.maximum(edges.degree, 1), edges.degree)
        adjacency, own = edges.matrix(weight, nodes), np.float32(self.own)
        return lambda x: adjacency @ x + own * x if self.own else adjacency @ x


def _maxima(x: NDArray[np.float32], edges: Edges) -> NDArray[np.float32]:
    """Return the largest of each row's neighbours, a block of rows at a time for memory's sake."""
    largest = np.zeros((edges.rows, x.shape[1]), np.float32)
    for first, last in pairwise(edges.blocks):
        rows = first + np.flatnonzero(edges.degree[first:last])
        if rows.size:
            start, end = edges.rowptr[first], edges.rowptr[last]
            gathered = x[edges.source[start:end]]
            largest[rows] = np.maximum.reduceat(gathered, edges.rowptr[rows] - start)
    return largest
