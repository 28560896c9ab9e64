"""The frame of every step of a propagation."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from engine.learning.adjacency import Adjacencies
from engine.learning.features import dense
from engine.learning.layers.layer import Layer
from engine.learning.layers.state import State
from engine.learning.protection import ProtectedRows
from engine.spec import NUDGE


class PropagationStep(Layer):
    """A step of a propagation, on ``V = D^-1/2 H``, what nodes send of their scores H.

        first step: V_hat = Q_message(D^-1/2 X_hat)           then: V_hat, the output before
        output = Q_output(follow(V_hat, D^-1/2 X_hat))        of the last step D^1/2 times that

    ``D^-1/2 A_hat H`` is then P V, the mean of V over a node's neighbours and itself: a plain sum
    of codes, and no norm to be quantized. An average of V is no larger than what it is taken of,
    whatever a node's degree, where H grows with its root. Ties are rounded away from 0: see
    `NUDGE`.

    Differs:
        Papers and public codes hold H, and quantize A_hat H and what is made of it one by one. Here
        a step of personalised PageRank rounds once.
    """

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw nothing: a step learns nothing."""

    def advance(
        self,
        state: State,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
        generator: torch.Generator | None,
    ) -> State:
        """Return the next scores, over the root of the degree where a step follows."""
        root = adjacencies.of(self.spec.operator).root
        v = dense(state.x)
        anchor = v if state.anchor is None else state.anchor
        sent = anchor / root
        if self.spec.step == 1:
            v = self.round("message", sent, protected)
        v, dual = self.follow(v, sent, state.dual, adjacencies, protected)
        leaves = v if self.spec.scaled else v * root
        return State(self.round("output", leaves, protected), anchor, dual)

    def round(self, slot: str, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return a slot's ``x_hat``, ties rounded away from 0; ``x`` where the slot is in float."""
        if self.quantizers[slot].spec.is_float:
            return self.quantize(slot, x, protected)
        return self.quantize(slot, NUDGE * x, protected)

    @abstractmethod
    def follow(
        self,
        v: Tensor,
        anchor: Tensor,
        dual: Tensor | None,
        adjacencies: Adjacencies,
        protected: ProtectedRows | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the next V and what is handed on beside it.

        Args:
            v: V_hat, [N, C].
            anchor: ``D^-1/2 X_hat``, [N, C].
            dual: What the step before handed on; None in the first.
            adjacencies: Edges between the N nodes.
            protected: Nodes left in full precision.
        """

    def folded(self) -> dict[str, Tensor]:
        """Return nothing: a step learns nothing."""
        return {}
