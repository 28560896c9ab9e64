"""Distillation: a network learns to answer as its float twin does, labelled or not."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.learning import objective
from engine.learning.batch import Batch
from engine.learning.network import Network


class Teacher:
    """A trained network whose outputs another learns towards, on all units of a batch.

    Args:
        network: The teacher, in evaluation from now on.
        share: Of the loss, in [0, 1]; the labels have the rest.

    Source:
        Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015, at the
        temperature 1.
    """

    def __init__(self, network: Network, share: float) -> None:
        self._network = network.eval()
        self._share = share
        self._answered: tuple[Batch, Tensor] | None = None

    def loss(self, outputs: Tensor, batch: Batch, of_labels: Tensor) -> Tensor:
        """Return ``(1 - share) of_labels + share divergence`` from the teacher's outputs.

        Args:
            outputs: Of all units, [U, C] or [U, T].
            batch: What they are of.
            of_labels: The loss over the training units.
        """
        apart = objective.divergence(outputs, self._answer(batch), batch.y)
        return (1 - self._share) * of_labels + self._share * apart

    @torch.no_grad()
    def _answer(self, batch: Batch) -> Tensor:
        """Return the teacher's outputs; a whole graph's are computed once."""
        if self._answered is None or self._answered[0] is not batch:
            self._answered = batch, self._network(batch.x, batch.adjacencies)
        return self._answered[1]
