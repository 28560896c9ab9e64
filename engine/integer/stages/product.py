"""The linear map."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from engine.integer.kernels.operands import Places
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray
from engine.integer.proof import Proof, reach
from engine.integer.sparse import SparseIntArray
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
from engine.integer.weights import dense_matrix, sparse_matrix


@dataclass(frozen=True, slots=True)
class Product(Stage):
    """``target = Q(source_hat @ weight_hat)``.

    Args:
        target: [N, F'].
        source: [N, F], dense or sparse.
        weight: [F, F'], a constant.
    """

    source: Slot
    weight: Slot

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""
        return self.source, self.weight

    def matrix(self, scope: Scope) -> Value:
        """Return the matrix to multiply by, [F, F']."""
        return scope.constants[self.weight]

    def bind(self, scope: Scope) -> Step:
        """Bound: the largest ``reach_x sum_k |weight_kj - zero_w|`` of any column j."""
        weight = self.matrix(scope)
        width = int(weight.shape[-1])
        shape = scope.shapes[self.source][0], width
        operations = scope.entries(self.source) * width
        if not scope.integer(self.source, self.weight):
            weight_hat = real(weight)

            def compute(values: Values, kernels: Kernels) -> Value:
                product = real(values[self.source]) @ weight_hat
                return hold(product, scope.params.get(self.target), kernels)

            return Step(self, shape, operations, None, compute)

        assert isinstance(weight, IntArray)
        fan_in = np.abs(weight.codes().astype(np.int64) - weight.params.zero).sum(axis=0)
        bound = reach(scope.params[self.source]) * int(fan_in.max(initial=0))
        proof = Proof(slot_name(self.target), bound)
        scale = scope.scale(self.source) * scope.scale(self.weight)
        ending = scope.ending(self.target, scale, width, proof.bound)
        laid_out = weight, scope.params[self.source], proof.accumulator
        dense = cache(partial(dense_matrix, *laid_out))
        sparse = cache(partial(sparse_matrix, *laid_out))
        (sparse if self.source in scope.stored else dense)()

        def run(values: Values, kernels: Kernels, ending: Ending) -> Value:
            x = values[self.source]
            target, result = ending.open(x.shape[0])
            if isinstance(x, SparseIntArray):
                kernels.sparse_product(x.places, x.packed, sparse(), target, proof.accumulator)
            else:
                assert isinstance(x, IntArray)
                kernels.product(x.packed, dense(), target, proof.accumulator)
            return result

        def sparsely(places: Places) -> Step:
            return Step(self, shape, places.stored * width, proof, run, ending)

        return Step(self, shape, operations, proof, run, ending, sparsely=sparsely)
