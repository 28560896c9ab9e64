"""Smoothness-aware propagation."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.learning.adjacency import Adjacencies, Adjacency
from engine.learning.layers.propagation import PropagationStep
from engine.learning.protection import ProtectedRows
from engine.spec import LayerQuant, LayerSpec, Smp


class SMPStep(PropagationStep):
    """A step of smoothness-aware propagation, by the basic differential multiplier method.

    The objective is ``f(H) = 1/2 ||H - X||^2 + mu/2 tr(H' L H)``, the constraint on a step's change
    D of H is ``tr(D' L D) <= epsilon |E|``, as an equality ``g = tr(D' L D) + s^2 - epsilon |E| =
    0`` with a slack s. The method descends on f + lambda g in H and in s, and ascends in lambda:

        grad f = (1 + mu) H - X - mu A_hat H     proposal = H - eta grad f     D = proposal - H
        H      <- proposal - eta lambda grad g = proposal - 2 eta lambda L D
        s      <- s - 2 eta_slack lambda s
        lambda <- max(0, lambda + eta_lambda g)

    On V, whose change is held rather than the proposal, so that a step rounds twice:

        change = Q(eta mu P V - (1 + mu) eta V + eta D^-1/2 X)
        V     <- V + change - 2 eta lambda (change - P change)

    ``tr(D' L D) = sum_i d_i change_i (change_i - P change_i)``. Training computes lambda and s anew
    from step to step in every forward, without gradient, and each step keeps its lambda: evaluation
    and the integer program use the one that was kept.

    Source:
        Wang et al., Low-bit Quantization for Deep Graph Neural Networks with Smoothness-aware
        Message Propagation, CIKM 2023; Platt and Barr, Constrained Differential Optimization,
        NeurIPS 1988.

    Differs:
        The paper's public code corrects by A_hat D in place of the gradient L D, and evaluates with
        multipliers of the batch at hand. Here lambda never exceeds 1 / (4 eta): beyond, the
        correction would turn parts of the change round, and rougher than they were. |E| counts
        undirected edges, over which tr(D' L D) is a sum.
    """

    multiplier: Tensor

    def __init__(self, spec: LayerSpec, quant: LayerQuant) -> None:
        super().__init__(spec, quant)
        how = spec.propagates
        assert isinstance(how, Smp)
        self.how = how
        self.register_buffer("multiplier", torch.tensor([self._first]))

    def follow(
        self,
        v: Tensor,
        anchor: Tensor,
        dual: Tensor | None,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the next V and, in training, the next step's multiplier and slack, [2]."""
        how, adjacency = self.how, adjacencies.of("smp")
        descent = how.eta * (how.mu * adjacency.mean(v) + anchor) + (how.kept - 1) * v
        change = self.round("change", descent, protected)
        rough = change - adjacency.mean(change)
        following = self._ascend(dual, change, rough, adjacency) if self.training else None
        return v + change - 2 * how.eta * self.multiplier * rough, following

    @torch.no_grad()
    def _ascend(
        self, dual: Tensor | None, change: Tensor, rough: Tensor, adjacency: Adjacency
    ) -> Tensor:
        """Keep the step's multiplier; return the next step's, and its slack."""
        how = self.how
        if dual is None:
            dual = change.new_tensor([self._first, how.slack0])
        multiplier, slack = dual
        self.multiplier.copy_(multiplier)
        edges = (len(adjacency.source) - len(change)) / 2
        slack = slack - 2 * how.eta_slack * multiplier * slack
        violated = (adjacency.count * change * rough).sum() + slack**2 - how.epsilon * edges
        risen = (multiplier + how.eta_lambda * violated).clamp(0, how.largest_lambda)
        return torch.stack((risen, slack))

    @property
    def _first(self) -> float:
        return min(self.how.lambda0, self.how.largest_lambda)

    def folded(self) -> dict[str, Tensor]:
        """Return the multiplier."""
        return {"multiplier": self.multiplier}
