"""The proof that an accumulator holds every sum a stage can make on the graph it is bound to."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.kernels.operands import Accumulator
from engine.integer.packing import zero_offset


class AccumulatorOverflow(ValueError):
    """No accumulator is wide enough for a stage."""


@dataclass(frozen=True, slots=True, eq=False)
class Proof:
    """An upper bound on the magnitude of a stage's sums, partial sums included.

    Args:
        stage: The stage's name, ``layer.component``.
        bound: No sum is larger.
        node_bound: The bound of each row's own sums, a node's or a graph's, where it depends on it.
        wide: Whether the stage sums in 64 bits whatever the bound.
    """

    stage: str
    bound: int
    node_bound: NDArray[np.float64] | None = None
    wide: bool = False

    def __post_init__(self) -> None:
        if self.bound >= 2**63:
            raise AccumulatorOverflow(
                f"stage {self.stage} can reach a sum of 2^{log2(self.bound):.1f} on this graph, "
                "more than a 64-bit accumulator holds; use fewer bits there"
            )

    @property
    def accumulator(self) -> Accumulator:
        """int32 where it suffices and the stage makes use of it, else int64."""
        return np.dtype(np.int32 if self.bound < 2**31 and not self.wide else np.int64)

    @property
    def accumulator_bits(self) -> int:
        """Bits of the accumulator's magnitude."""
        return 8 * self.accumulator.itemsize - 1

    @property
    def headroom_bits(self) -> float:
        """Bits of the accumulator that the largest sum leaves unused."""
        return self.accumulator_bits - log2(max(self.bound, 1))

    @property
    def node_headroom_bits(self) -> NDArray[np.float64] | None:
        """Bits of the accumulator that each node's largest sum leaves unused, [N]."""
        if self.node_bound is None:
            return None
        return self.accumulator_bits - np.log2(np.maximum(self.node_bound, 1))


def reach(params: QParams) -> int:
    """Return the largest magnitude of a code less the code of zero."""
    spec, zero = params.spec, zero_offset(params)
    return max(zero, spec.qmax - spec.qmin - zero)


def prove_rows(
    stage: str, sums: NDArray[np.int64], factors: NDArray[np.integer[Any]], reach: int
) -> Proof:
    """Return the proof for sums that depend on the row, in codes.

    Args:
        stage: The stage's name.
        sums: What each row's messages are multiplied by, in all, [N].
        factors: What each row's sum is then multiplied by, [N], at least 0.
        reach: The largest magnitude of a message.
    """
    node_bound = sums.astype(np.float64) * np.maximum(factors, 1) * reach
    if not node_bound.size:
        return Proof(stage, 0, node_bound)
    # Exact at the row whose float64 bound is largest; a row within its rounding may be larger
    # by 2^-50 of it, so the bound is widened by that where float64 is no longer exact.
    top = int(node_bound.argmax())
    bound = int(sums[top]) * max(int(factors[top]), 1) * reach
    return Proof(stage, bound + (bound >> 50), node_bound)
