"""Training as a generator of epoch records; the best epoch by validation is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from engine.learning.batch import Batch
from engine.learning.feed import Feed
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.spec import TrainingSpec


class Diverged(RuntimeError):
    """Training left the finite numbers; the message says when."""


class Cancelled(RuntimeError):
    """Training was asked to stop between two steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One pass over what is learned from, and the evaluation after it.

    Args:
        epoch: Number from 1.
        loss: Mean cross entropy over the training units, each before its step.
        train: Accuracy on the training units, 0 to 1; on a set's, before their steps.
        validation: Accuracy on the validation units, 0 to 1.
        validation_loss: Mean cross entropy over the validation units.
        epoch_ms: Wall time of steps and evaluation.
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


def fit(
    network: Network,
    feed: Feed,
    training: TrainingSpec,
    generator: torch.Generator,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Epoch]:
    """Train a network in place, yielding a record an epoch; at the end it holds its best epoch.

    The best epoch has the highest validation accuracy; between equals, the lowest validation loss.
    Without validation units it is the last.

    Args:
        network: Trained in place.
        feed: What it learns from.
        training: Epochs, learning rate and weight decay.
        generator: Source of dropout, masks and the order of a set.
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
    judged = feed.judged
    try:
        for number in range(1, training.epochs + 1):
            start = time.perf_counter()
            passed = _Passed()
            for batch, protection in feed.steps(generator):
                if cancelled():
                    raise Cancelled(f"cancelled after {number - 1} of {training.epochs} epochs")
                loss, scores = _step(network, batch, optimizer, protection, generator)
                if not loss.isfinite():
                    what = f"the loss was {loss.item()}"
                    raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
                passed.add(batch, loss, scores)
            scores = _scores(network, judged)
            if not scores.isfinite().all():
                what = "a score was not finite"
                raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
            validation = accuracy(scores, judged.y, judged.validation)
            validation_loss = _loss(scores, judged.y, judged.validation).item()
            rank = (validation, -validation_loss) if len(judged.validation) else (number, 0.0)
            is_best = rank > best
            if is_best:
                best, kept = rank, deepcopy(network.state_dict())
            again = len(judged.train) > 0
            yield Epoch(
                epoch=number,
                loss=passed.loss,
                train=accuracy(scores, judged.y, judged.train) if again else passed.accuracy,
                validation=validation,
                validation_loss=validation_loss,
                epoch_ms=1000 * (time.perf_counter() - start),
                best=is_best,
            )
    finally:
        network.load_state_dict(kept)
        network.eval()


@dataclass(slots=True)
class _Passed:
    """What an epoch's steps came to, over all their units."""

    units: int = 0
    right: int = 0
    total: float = 0.0

    def add(self, batch: Batch, loss: Tensor, scores: Tensor) -> None:
        count = len(batch.train)
        self.units += count
        self.total += loss.item() * count
        self.right += round(accuracy(scores, batch.y, batch.train) * count)

    @property
    def loss(self) -> float:
        return self.total / max(self.units, 1)

    @property
    def accuracy(self) -> float:
        return self.right / max(self.units, 1)


def accuracy(scores: Tensor, y: Tensor, units: Tensor) -> float:
    """Return the share of units whose highest score is their class, 0 to 1; 0 without units."""
    if not len(units):
        return 0.0
    right = (scores[units].argmax(dim=1) == y[units]).sum()
    return int(right) / len(units)


def _step(
    network: Network,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    protection: DegreeProtection,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    network.train()
    optimizer.zero_grad()
    protected = protection.draw(len(network.layers), generator)
    scores = network(batch.x, batch.adjacencies, protected, generator)
    loss = _loss(scores, batch.y, batch.train)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach(), scores.detach()


@torch.no_grad()
def _scores(network: Network, batch: Batch) -> Tensor:
    network.eval()
    scores: Tensor = network(batch.x, batch.adjacencies)
    return scores


def _loss(scores: Tensor, y: Tensor, units: Tensor) -> Tensor:
    """Return the mean cross entropy over units, 0 without any."""
    return cross_entropy(scores[units], y[units]) if len(units) else scores.new_zeros(())
