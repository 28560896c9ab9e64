"""Personalised PageRank."""

from __future__ import annotations

from torch import Tensor

from engine.learning.adjacency import Adjacencies
from engine.learning.layers.propagation import PropagationStep
from engine.learning.protection import ProtectedRows
from engine.spec import Appnp


class APPNPStep(PropagationStep):
    """A step of personalised PageRank: ``H <- (1 - teleport) A_hat H + teleport X``.

        V <- (1 - teleport) P V + teleport D^-1/2 X

    It is gradient descent, by steps of ``teleport = 1 / (1 + mu)``, on the objective
    ``1/2 ||H - X||^2 + mu/2 tr(H' L H)``. At teleport 0 it is the smoothing of SGC.

    Source:
        Gasteiger, Bojchevski and Günnemann, Predict then Propagate, ICLR 2019.
    """

    def follow(
        self,
        v: Tensor,
        anchor: Tensor,
        dual: Tensor | None,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
    ) -> tuple[Tensor, None]:
        """Return the next V."""
        how = self.spec.propagates
        assert isinstance(how, Appnp)
        mean = adjacencies.of("appnp").mean(v)
        return (1 - how.teleport) * mean + how.teleport * anchor, None
