"""Attention: what each pair of neighbours scores, the softmax of it, and the sums it weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray, pack
from engine.integer.proof import prove_rows, reach
from engine.integer.stages.product import Product
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
class Logits(Product):
    """``target_ih = Q(sum_c source_hat_i,hC+c weight_hat_0,hC+c)``; of the target's, in row 1.

    A linear map whose matrix is 0 but where a column's head meets its own features.

    Args:
        target: [N, 2 heads], the source's logits before the target's.
        source: [N, heads C].
        weight: [2, heads C], a constant.
        heads: Attention heads.
    """

    heads: int

    def matrix(self, scope: Scope) -> Value:
        """Return the attention vectors as a matrix, [heads C, 2 heads]."""
        vectors = scope.constants[self.weight]
        if not isinstance(vectors, IntArray):
            return self._spread(real(vectors), np.float32(0))
        params = vectors.params
        codes = self._spread(vectors.codes(), params.zero)
        return IntArray(params, pack(codes, params.spec), codes.shape)

    def _spread(self, vectors: NDArray[Any], zero: Any) -> NDArray[Any]:
        width = vectors.shape[1]
        matrix = np.full((width, 2, self.heads), zero, vectors.dtype)
        column = np.arange(width)
        matrix[column, :, column // (width // self.heads)] = vectors.T
        return matrix.reshape(width, 2 * self.heads)


@dataclass(frozen=True, slots=True)
class Softmax(Stage):
    """``target_eh = Q(softmax_{j in N(i)} leaky_relu(source_hat_jh + source_hat_i,heads+h))``.

    In float64, whatever its slots are held in; `kernels.softmax` says how.

    Args:
        target: [E', heads], of edges e from j to i.
        source: [N, 2 heads].
        heads: Attention heads.
        slope: Of the leaky ReLU below 0.
    """

    integer: ClassVar[bool] = False

    source: Slot
    heads: int
    slope: float

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slot it reads."""
        return (self.source,)

    def bind(self, scope: Scope) -> Step:
        """No sum of integers, no bound."""
        edges = scope.edges("gat")
        scale = np.ones(2 * self.heads)
        if scope.integer(self.source):
            scale = scale * scope.scale(self.source)
        ending = scope.ending(self.target, 1.0, self.heads)

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            logit = values[self.source]
            target, result = ending.open(edges.count)
            held = logit.packed if isinstance(logit, IntArray) else real(logit)
            kernels.softmax(edges.incoming, held, scale, self.slope, target)
            return result

        return Step(self, (edges.count, self.heads), edges.count * self.heads, None, run, ending)


@dataclass(frozen=True, slots=True)
class Attend(Stage):
    """``target_i = Q(sum_{j in N(i)} coefficient_hat_ij,h source_hat_j,h)``, for each head h.

    Args:
        target: [N, heads C], the heads side by side, or their mean, [N, C].
        source: [N, heads C].
        coefficient: [E', heads], of a softmax.
        heads: Attention heads.
        concat: Whether they stay side by side.
    """

    source: Slot
    coefficient: Slot
    heads: int
    concat: bool

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""
        return self.source, self.coefficient

    def bind(self, scope: Scope) -> Step:
        """Bound: ``reach_m sum_j coefficient_ij`` of any node, in codes, times the heads of a mean.

        A node's coefficients add up to 1, so that its codes add up to no more than ``1 / scale``
        and, for each, its rounding; nor do they to more than ``|N(i)| reach_c``.
        """
        edges = scope.edges("gat")
        nodes, wide = scope.shapes[self.source]
        width = wide if self.concat else wide // self.heads
        added = 1 if self.concat else self.heads
        shape, operations = (nodes, width), edges.count * wide
        if not scope.integer(*self.sources):

            def compute(values: Values, kernels: Kernels) -> Value:
                message = real(values[self.source]).reshape(nodes, self.heads, -1)
                coefficient = real(values[self.coefficient])
                sums = np.stack(
                    [
                        edges.matrix(coefficient[:, head], nodes) @ message[:, head]
                        for head in range(self.heads)
                    ],
                    axis=1,
                )
                held = sums if self.concat else sums.mean(axis=1)
                return hold(held.reshape(shape), scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        step, params = float(scope.scale(self.coefficient)), scope.params[self.coefficient]
        by_share = np.floor(edges.degree * params.rounding + 1 / step + 1).astype(np.int64)
        by_code = edges.degree * reach(params)
        proof = prove_rows(
            slot_name(self.target),
            added * np.minimum(by_share, by_code),
            np.ones(nodes, np.int64),
            reach(scope.params[self.source]),
        )
        scale = scope.scale(self.source) * step / added
        ending = scope.ending(self.target, scale, width, proof.bound)

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            message, coefficient = values[self.source], values[self.coefficient]
            assert isinstance(message, IntArray)
            assert isinstance(coefficient, IntArray)
            target, result = ending.open(nodes)
            operands = message.packed, coefficient.packed, width
            kernels.attend(edges.incoming, *operands, target, proof.accumulator)
            return result

        return Step(self, shape, operations, proof, run, ending)
