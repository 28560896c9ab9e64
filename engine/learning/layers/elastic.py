"""Elastic message passing."""

from __future__ import annotations

from torch import Tensor

from engine.learning.adjacency import Adjacencies, product
from engine.learning.layers.propagation import PropagationStep
from engine.learning.protection import ProtectedRows
from engine.spec import Elastic


class ElasticStep(PropagationStep):
    """A step of elastic message passing: a proximal alternating predictor and corrector.

    It minimises ``lambda1 ||B H||_1 + lambda2/2 tr(H' L H) + 1/2 ||H - X||^2``, where a row of B H
    is an undirected edge's ``h_i / sqrt(d_i) - h_j / sqrt(d_j) = v_i - v_j``. Each edge holds a
    dual Z, how hard it pulls its ends together, at most lambda1:

        aggregate = Q((1 - gamma) P V + gamma D^-1/2 X)       gamma = 1 / (1 + lambda2)
        proposal  = Q(aggregate - gamma D^-1 pull(Z))         pull(Z)_i = sum of +-Z of i's edges
        dual      = Q(clamp(Z + beta (proposal_i - proposal_j), -lambda1, lambda1))
        V        <- aggregate - gamma D^-1 pull(dual)         beta = 1 / (2 gamma)

    In the first step Z is 0 and the proposal is the aggregate. A dual stays in full precision where
    one of its ends does. Edges have no direction here, as in the objective: P, D and the pairs are
    of the undirected graph, so that ``L = B' B`` has no eigenvalue above 2, and both steps keep
    within the paper's bounds, ``gamma < 2 / (1 + 2 lambda2)`` and ``beta <= 2 / (3 gamma)``.

    Source:
        Liu et al., Elastic Graph Neural Networks, ICML 2021, algorithm 1 with the l1 norm.

    Differs:
        Only the l1 norm is offered: it clamps each entry by itself, so that duals are codes, while
        the l21 norm scales whole rows.
    """

    def follow(
        self,
        v: Tensor,
        anchor: Tensor,
        dual: Tensor | None,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
    ) -> tuple[Tensor, Tensor]:
        """Return the next V and the edges' duals."""
        how, q, adjacency = self.spec.propagates, self.round, adjacencies.of("elastic")
        assert isinstance(how, Elastic)
        differences, transposed = adjacencies.differences

        def pulled(dual: Tensor) -> Tensor:
            pull = product(transposed, differences, dual)
            return aggregate - how.gamma * pull / adjacency.count

        mean = (1 - how.gamma) * adjacency.mean(v)
        aggregate = q("aggregate", mean + how.gamma * anchor, protected)
        proposal = aggregate if dual is None else q("proposal", pulled(dual), protected)
        ascent = how.beta * product(differences, transposed, proposal)
        reached = (ascent if dual is None else dual + ascent).clamp(-how.lambda1, how.lambda1)
        following = q("dual", reached, _of_pairs(protected, adjacencies))
        return pulled(following), following


def _of_pairs(protected: ProtectedRows | None, adjacencies: Adjacencies) -> ProtectedRows | None:
    """Return the undirected edges with a protected end."""
    if protected is None:
        return None
    first, second = adjacencies.ends
    return ProtectedRows(protected.mask[first] | protected.mask[second])
