"""Training as a generator of epoch records; the best epoch by validation is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features, features
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.spec import TrainingSpec


class Diverged(RuntimeError):
    """Training left the finite numbers; the message says when."""


class Cancelled(RuntimeError):
    """Training was asked to stop between two steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One full-graph step and the evaluation after it.

    Args:
        epoch: Number from 1.
        loss: Mean cross entropy over the training nodes, before the step.
        train: Accuracy on the training nodes, 0 to 1.
        validation: Accuracy on the validation nodes, 0 to 1.
        validation_loss: Mean cross entropy over the validation nodes.
        epoch_ms: Wall time of step and evaluation.
        best: Whether this is the best epoch so far.
    """

    epoch: int
    loss: float
    train: float
    validation: float
    validation_loss: float
    epoch_ms: float
    best: bool

    def to_dict(self) -> dict[str, float | int | bool]:
        """Return the record as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A graph on a device: what a training step reads."""

    x: Features
    adjacencies: Adjacencies
    y: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor

    @classmethod
    def of(cls, graph: Graph, device: torch.device | str = "cpu") -> Batch:
        """Return a graph on a device, its split as node indices."""

        def nodes(mask: NDArray[np.bool_]) -> Tensor:
            return torch.from_numpy(mask).nonzero().squeeze(1).to(device)

        return cls(
            features(graph.x, device),
            Adjacencies(Neighbourhoods(graph), device),
            torch.from_numpy(graph.y).to(device),
            nodes(graph.train),
            nodes(graph.val),
            nodes(graph.test),
        )

    @property
    def neighbourhoods(self) -> Neighbourhoods:
        """The graph's edges as the integer wing takes them."""
        return self.adjacencies.neighbourhoods

    def double(self) -> Batch:
        """Return the same graph in float64."""
        x = self.x.double() if isinstance(self.x, Tensor) else self.x.map(Tensor.double)
        return replace(self, x=x, adjacencies=self.adjacencies.double())


def fit(
    network: Network,
    batch: Batch,
    training: TrainingSpec,
    protection: DegreeProtection,
    generator: torch.Generator,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Epoch]:
    """Train a network in place, yielding a record an epoch; at the end it holds its best epoch.

    The best epoch has the highest validation accuracy; between equals, the lowest validation loss.
    Without validation nodes it is the last.

    Args:
        network: Trained in place.
        batch: The graph.
        training: Epochs, learning rate and weight decay.
        protection: Draws the masks of each forward.
        generator: Source of dropout and masks.
        cancelled: Asked between steps.

    Raises:
        Diverged: If loss or scores are not finite; the network then holds its best epoch so far.
        Cancelled: If ``cancelled()`` was true; likewise.
    """
    first, *rest = network.layers
    groups: list[dict[str, Any]] = [
        {"params": list(first.parameters()), "weight_decay": training.weight_decay},
        {"params": [p for layer in rest for p in layer.parameters()]},
    ]
    optimizer = torch.optim.Adam(groups, lr=training.lr)
    best: tuple[float, float] = (-1.0, 0.0)
    kept = deepcopy(network.state_dict())
    try:
        for number in range(1, training.epochs + 1):
            if cancelled():
                raise Cancelled(f"cancelled after {number - 1} of {training.epochs} epochs")
            start = time.perf_counter()
            loss = _step(network, batch, optimizer, protection, generator)
            if not loss.isfinite():
                what = f"the loss was {loss.item()}"
                raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
            scores = _scores(network, batch)
            if not scores.isfinite().all():
                what = "a score was not finite"
                raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
            validation = accuracy(scores, batch.y, batch.validation)
            validation_loss = _loss(scores, batch.y, batch.validation).item()
            rank = (validation, -validation_loss) if len(batch.validation) else (number, 0.0)
            is_best = rank > best
            if is_best:
                best, kept = rank, deepcopy(network.state_dict())
            yield Epoch(
                epoch=number,
                loss=loss.item(),
                train=accuracy(scores, batch.y, batch.train),
                validation=validation,
                validation_loss=validation_loss,
                epoch_ms=1000 * (time.perf_counter() - start),
                best=is_best,
            )
    finally:
        network.load_state_dict(kept)
        network.eval()


def accuracy(scores: Tensor, y: Tensor, nodes: Tensor) -> float:
    """Return the share of nodes whose highest score is their class, 0 to 1; 0 without nodes."""
    if not len(nodes):
        return 0.0
    right = (scores[nodes].argmax(dim=1) == y[nodes]).sum()
    return int(right) / len(nodes)


def _step(
    network: Network,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    protection: DegreeProtection,
    generator: torch.Generator,
) -> Tensor:
    network.train()
    optimizer.zero_grad()
    protected = protection.draw(len(network.layers), generator)
    scores = network(batch.x, batch.adjacencies, protected, generator)
    loss = _loss(scores, batch.y, batch.train)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def _scores(network: Network, batch: Batch) -> Tensor:
    network.eval()
    scores: Tensor = network(batch.x, batch.adjacencies)
    return scores


def _loss(scores: Tensor, y: Tensor, nodes: Tensor) -> Tensor:
    """Return the mean cross entropy over nodes, 0 without any."""
    return cross_entropy(scores[nodes], y[nodes]) if len(nodes) else scores.new_zeros(())
