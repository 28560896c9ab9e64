"""PairNorm: each graph's rows less their mean, brought to one length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from engine.spec import PairNorm
from engine.spec.normalization import EPS


@dataclass(frozen=True, slots=True)
class PairNormalize(Stage):
    """``target_i = Q(scale c_i / sqrt(eps + mean |c|^2))``, c_i the source less its graph's mean.

    With codes q, n nodes in a graph and S_j the sum of column j over them, ``n q_ij - S_j`` and the
    squares ``n sum_i q_ij^2 - S_j^2`` are exact integers. A root of their sum makes the factor of
    the graph's requantization, or by node that of each row: all that is real here. It runs in
    NumPy, for kernels are told their factors beforehand.

    Args:
        target: [N, F].
        source: [N, F].
        how: Its constants.
    """

    source: Slot
    how: PairNorm

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slot it reads."""
        return (self.source,)

    def bind(self, scope: Scope) -> Step:
        """Bound: ``(n reach)^2`` of the largest graph's n nodes."""
        shape = scope.shapes[self.source]
        pools = scope.neighbourhoods.pools.astype(np.int64)
        operations = 2 * shape[0] * shape[1]
        sizes, target = np.diff(pools), scope.params.get(self.target)
        if not scope.integer(self.source):

            def compute(values: Values, kernels: Kernels) -> Value:
                x = np.asarray(real(values[self.source]), np.float64)
                mean = _sums(x, pools) / np.maximum(sizes, 1)[:, None]
                centred = x - np.repeat(mean, sizes, axis=0)
                squares = _sums(centred**2, pools).sum(axis=1) / np.maximum(sizes, 1)
                scaled = self._scaled(centred, squares, sizes, np.ones(sizes.size))
                return hold(scaled, target, kernels)

            return Step(self, shape, operations, None, compute)

        params = scope.params[self.source]
        most = int(sizes.max(initial=0)) * reach(params)
        proof = Proof(slot_name(self.target), max(most, 1) ** 2, wide=True)
        step = float(scope.scale(self.source)) / np.maximum(sizes, 1)

        def run(values: Values, kernels: Kernels) -> Value:
            held = values[self.source]
            assert isinstance(held, IntArray)
            codes = held.codes().astype(np.int64) - int(params.zero)
            sums = _sums(codes, pools)
            centred = np.repeat(sizes, sizes)[:, None] * codes - np.repeat(sums, sizes, axis=0)
            spread = sizes[:, None] * _sums(codes**2, pools) - sums**2
            squares = step**2 * spread.sum(axis=1, dtype=np.float64)
            scaled = self._scaled(centred, squares, sizes, step)
            return hold(scaled, target, kernels)

        return Step(self, shape, operations, proof, run)

    def _scaled(
        self,
        centred: NDArray[Any],
        squares: NDArray[np.float64],
        sizes: NDArray[np.int64],
        step: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return rows brought to their length, float64 [N, F].

        Args:
            centred: Rows less their mean, in steps, [N, F].
            squares: Mean squared length of each graph's rows, [G].
            sizes: Nodes of each graph, [G].
            step: What a step is in each graph, [G].
        """
        if self.how.by_node:
            of_row = np.repeat(step, sizes)
            lengths = of_row * np.linalg.norm(centred.astype(np.float64), axis=1)
            factor = self.how.scale * of_row / (EPS + lengths)
        else:
            factor = np.repeat(self.how.scale * step / np.sqrt(EPS + squares), sizes)
        scaled: NDArray[np.float64] = factor[:, None] * centred
        return scaled


def _sums(x: NDArray[Any], pools: NDArray[np.int64]) -> NDArray[Any]:
    """Return the column sums of each graph's rows, [G, F]; 0 of no rows."""
    sums = np.zeros((pools.size - 1, x.shape[1]), x.dtype)
    held = np.flatnonzero(np.diff(pools))
    if held.size:
        sums[held] = np.add.reduceat(x, pools[held], axis=0)
    return sums
