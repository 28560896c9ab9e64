"""The ways to propagate scores over a graph: each a frozen value with its constants.

All hold to ``1/2 ||H - X||^2 + smoothness``, X the scores of a network that saw no edge. With
A_hat = D^-1/2 (A + I) D^-1/2 and L = I - A_hat, a step takes H to the next H.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from engine.spec.errors import SpecError, check_instance, check_real

Propagating = Literal["appnp", "elastic", "smp"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Appnp:
    """Personalised PageRank: ``H <- (1 - teleport) A_hat H + teleport X``.

    It descends on ``1/2 ||H - X||^2 + mu/2 tr(H' L H)`` for ``teleport = 1 / (1 + mu)``.

    Args:
        teleport: Share of X in each step, in [0, 1]; 0 is the plain smoothing of SGC.

    Source:
        Gasteiger, Bojchevski and Günnemann, Predict then Propagate, ICLR 2019; teleport 0 is Wu
        et al., Simplifying Graph Convolutional Networks, ICML 2019.
    """

    teleport: float = 0.1

    def __post_init__(self) -> None:
        check_real("teleport", self.teleport, 0, 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Elastic:
    """Elastic message passing: smooth on the whole, but free to jump where classes meet.

    It minimises ``lambda1 ||B H||_1 + lambda2/2 tr(H' L H) + 1/2 ||H - X||^2``, where B H holds
    ``h_i / sqrt(d_i) - h_j / sqrt(d_j)`` for every undirected edge.

    Args:
        lambda1: Weight of the edges' absolute differences, at least 0.
        lambda2: Weight of their squared differences, at least 0.

    Source:
        Liu et al., Elastic Graph Neural Networks, ICML 2021, with its l1 norm.
    """

    lambda1: float = 3.0
    lambda2: float = 3.0

    def __post_init__(self) -> None:
        check_real("lambda1", self.lambda1, 0, 1000)
        check_real("lambda2", self.lambda2, 0, 1000)

    @property
    def gamma(self) -> float:
        """Step of the descent on H, ``1 / (1 + lambda2)``."""
        return 1 / (1 + self.lambda2)

    @property
    def beta(self) -> float:
        """Step of the ascent on the edges' duals, ``1 / (2 gamma)``."""
        return (1 + self.lambda2) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Smp:
    """Smoothness-aware propagation: a descent whose steps may not change neighbours apart.

        minimise 1/2 ||H - X||^2 + mu/2 tr(H' L H)
        subject to tr(D' L D) <= epsilon |E|,    D the change of H in a step

    by the basic differential multiplier method: a multiplier lambda and a slack s take part.

    Args:
        eta: Step of the descent on H, above 0, at most 1.
        mu: Weight of smoothness, at least 0.
        epsilon: What an edge may change, at least 0.
        lambda0: Multiplier of the first step, at least 0.
        slack0: Slack of the first step, at least 0.
        eta_lambda: Step of the ascent on the multiplier, at least 0.
        eta_slack: Step of the descent on the slack, at least 0.

    Source:
        Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware
        Message Propagation, CIKM 2023, with the constants of its public code at 8 and 4 bits; Platt
        and Barr, Constrained Differential Optimization, NeurIPS 1988.
    """

    eta: float = 0.1
    mu: float = 9.0
    epsilon: float = 1e-5
    lambda0: float = 1e-3
    slack0: float = 1e-3
    eta_lambda: float = 1e-5
    eta_slack: float = 1e-5

    def __post_init__(self) -> None:
        check_real("eta", self.eta, 0, 1, open_low=True)
        for field in ("mu", "epsilon", "lambda0", "slack0", "eta_lambda", "eta_slack"):
            check_real(field, getattr(self, field), 0, 1000)

    @property
    def kept(self) -> float:
        """Share of H in the proposal ``H - eta grad``, ``1 - (1 + mu) eta``."""
        return 1 - (1 + self.mu) * self.eta

    @property
    def largest_lambda(self) -> float:
        """The largest multiplier, 1 / (4 eta), whose correction turns no part of a change round."""
        return 1 / (4 * self.eta)


Propagation = Appnp | Elastic | Smp

PROPAGATIONS: Mapping[str, type[Propagation]] = {
    "appnp": Appnp,
    "elastic": Elastic,
    "smp": Smp,
}
"""What each operator's constants are held in."""

MOST_STEPS = 64

NUDGE = 1 + 2.0**-22
"""What a step multiplies before it rounds, so that ties go away from 0.

Once a propagation has settled, successive steps have equal scales, and sums of a few codes lie
exactly half-way between two codes: the last bit of a float64 would decide, in the integer path
otherwise than in its simulation, and neighbours would carry the difference on.
"""


def check_propagation(operator: str, got: Propagation | None) -> None:
    """Refuse constants that are not those of the operator.

    Raises:
        SpecError: Naming the field.
    """
    if got is None:
        return
    if operator not in PROPAGATIONS:
        having = ", ".join(PROPAGATIONS)
        raise SpecError("propagation", got, f"null, since only {having} have a choice")
    check_instance("propagation", got, PROPAGATIONS[operator])
