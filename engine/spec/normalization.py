"""The known remedies for oversmoothing that stand between an output and its activation.

Deep stacks make the rows of all nodes alike; each of these holds them apart in its own way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from engine.spec.errors import SpecError, check_flag, check_instance, check_integer, check_real


@dataclass(frozen=True, kw_only=True, slots=True)
class PairNorm:
    """The mean of a graph's rows taken off, and what is left brought to one length.

        c_i = x_i - mean of all rows        scale c_i / sqrt(eps + mean of |c_j|^2)

    Distances between all pairs of nodes then add up to a constant, however deep the stack.

    Args:
        scale: Root of the mean squared length of what leaves, above 0.
        by_node: Bring each row to that length by itself: ``scale c_i / (eps + |c_i|)``.

    Source:
        Zhao and Akoglu, PairNorm: Tackling Oversmoothing in GNNs, ICLR 2020; by node it is its
        PairNorm-SI.
    """

    scale: float = 1.0
    by_node: bool = False

    def __post_init__(self) -> None:
        check_real("scale", self.scale, 0, 1000, open_low=True)
        check_flag("by_node", self.by_node)


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffGroupNorm:
    """Nodes shared out among learned groups, each group batch normalised by itself.

        share = softmax(x W)        x + weight sum_g batch_norm(share_g x)

    Args:
        groups: Number of groups, 1 to 1024.
        weight: Weight of the normalised groups beside x, at least 0.

    Source:
        Zhou et al., Towards Deeper Graph Neural Networks with Differentiable Group Normalization,
        NeurIPS 2020.
    """

    groups: int = 10
    weight: float = 0.01

    def __post_init__(self) -> None:
        check_integer("groups", self.groups, 1, 1024)
        check_real("weight", self.weight, 0, 1000)


Normalization = PairNorm | DiffGroupNorm

NORMALIZATIONS: Mapping[str, Normalization] = {
    "pair-norm": PairNorm(),
    "pair-norm-si": PairNorm(by_node=True),
    "group-norm": DiffGroupNorm(),
}
"""Each remedy by name, with its usual constants."""

EPS = 1e-5
"""What is added to a variance or a length before it divides."""

NORMALIZED = ("gcn", "gat", "gin", "sage")
"""Operators whose outputs can be normalised over the nodes."""


def check_normalization(operator: str, got: Normalization | None) -> None:
    """Refuse what is no normalisation, or one that the operator does not have.

    Raises:
        SpecError: Naming the field.
    """
    if got is None:
        return
    check_instance("normalization", got, get_args(Normalization))
    if operator not in NORMALIZED:
        having = ", ".join(NORMALIZED)
        raise SpecError("normalization", got, f"null, since only {having} have a choice")
