"""Training as a generator of epoch records; the best epoch by validation is kept."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from engine.learning import objective
from engine.learning.batch import Batch
from engine.learning.distillation import Teacher
from engine.learning.feed import Feed
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.learning.quantizers import groups_with_own_rate
from engine.learning.statistics import restate
from engine.metrics.merit import merit_of
from engine.spec import TrainingSpec

UNTRAINED = "try fewer layers, or a normalization, which keeps what leaves a layer small"
"""What helps where numbers already overflow in a network that has learned nothing."""


class Diverged(RuntimeError):
    """Training left the finite numbers; the message says when."""


class Cancelled(RuntimeError):
    """Training was asked to stop between two steps."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One pass over what is learned from, and the evaluation after it.

    Args:
        epoch: Number from 1.
        loss: Mean cross entropy over the training units, each before its step; mean absolute error
            where targets are learned; with its share of distillation, where there is some.
        train: Accuracy on the training units, 0 to 1, or the error; on a set's, before their steps.
        validation: The same on the validation units.
        validation_loss: Loss over the validation units.
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
    teacher: Teacher | None = None,
) -> Iterator[Epoch]:
    """Train a network in place, yielding a record an epoch; at the end it holds its best epoch.

    The best epoch has the highest validation accuracy, between equals the lowest validation loss,
    or where targets are learned the lowest mean absolute error. Without validation units it is the
    last.

    Args:
        network: Trained in place.
        feed: What it learns from.
        training: Epochs, learning rate and weight decay.
        generator: Source of dropout, masks and the order of a set.
        cancelled: Asked between steps.
        teacher: What it learns from beside the labels, if anything.

    Raises:
        Diverged: If loss or scores are not finite; the network then holds its best epoch so far.
        Cancelled: If ``cancelled()`` was true; likewise.
    """
    optimizer = torch.optim.Adam(_groups(network, training), lr=training.lr)
    schedule = _schedule(optimizer, training)
    best: tuple[float, float] = (-math.inf, 0.0)
    kept = deepcopy(network.state_dict())
    judged = feed.judged
    merit = merit_of(judged.y.cpu().numpy())
    try:
        for number in range(1, training.epochs + 1):
            start = time.perf_counter()
            passed = _Passed()
            for batch, protection in feed.steps(generator):
                if cancelled():
                    raise Cancelled(f"cancelled after {number - 1} of {training.epochs} epochs")
                loss, scores = _step(network, batch, optimizer, protection, generator, teacher)
                if not loss.isfinite():
                    what = f"the loss was {loss.item()}"
                    if not passed.units and number == 1:
                        raise Diverged(f"{what} before the first step; {UNTRAINED}")
                    raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
                passed.add(batch, loss, scores)
            schedule.step()
            restate(network, feed)
            scores = _scores(network, judged)
            if not scores.isfinite().all():
                what = "a score was not finite"
                raise Diverged(f"{what} at epoch {number}; try a lower learning rate")
            validation = _result(scores, judged, judged.validation)
            validation_loss = _loss(scores, judged, judged.validation).item()
            ranked = (merit.rank(validation), -validation_loss)
            rank = ranked if len(judged.validation) else (number, 0.0)
            is_best = rank > best
            if is_best:
                best, kept = rank, deepcopy(network.state_dict())
            again = len(judged.train) > 0
            yield Epoch(
                epoch=number,
                loss=passed.loss,
                train=_result(scores, judged, judged.train) if again else passed.result,
                validation=validation,
                validation_loss=validation_loss,
                epoch_ms=1000 * (time.perf_counter() - start),
                best=is_best,
            )
    finally:
        network.load_state_dict(kept)
        network.eval()


def _groups(network: Network, training: TrainingSpec) -> list[dict[str, Any]]:
    """Return the parameters of each learning rate and weight decay."""
    of_ranges = groups_with_own_rate(network)
    apart = {id(parameter) for group in of_ranges for parameter in group["params"]}
    first, *rest = (
        [parameter for parameter in layer.parameters() if id(parameter) not in apart]
        for layer in network.layers
    )
    return [
        {"params": first, "weight_decay": training.weight_decay},
        {"params": [parameter for layer in rest for parameter in layer]},
        *of_ranges,
    ]


def _schedule(
    optimizer: torch.optim.Optimizer, training: TrainingSpec
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return what sets the learning rates of the next epoch."""
    if training.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=training.epochs)
    return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)


@dataclass(slots=True)
class _Passed:
    """What an epoch's steps came to, over all their units."""

    units: int = 0
    total_loss: float = 0.0
    total_result: float = 0.0

    def add(self, batch: Batch, loss: Tensor, scores: Tensor) -> None:
        count = len(batch.train)
        self.units += count
        self.total_loss += loss.item() * count
        self.total_result += _result(scores, batch, batch.train) * count

    @property
    def loss(self) -> float:
        return self.total_loss / max(self.units, 1)

    @property
    def result(self) -> float:
        return self.total_result / max(self.units, 1)


def _step(
    network: Network,
    batch: Batch,
    optimizer: torch.optim.Optimizer,
    protection: DegreeProtection,
    generator: torch.Generator,
    teacher: Teacher | None,
) -> tuple[Tensor, Tensor]:
    network.train()
    optimizer.zero_grad()
    protected = protection.draw(len(network.layers), generator)
    scores = network(batch.x, batch.adjacencies, protected, generator)
    loss = _loss(scores, batch, batch.train)
    if teacher is not None:
        loss = teacher.loss(scores, batch, loss)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach(), scores.detach()


@torch.no_grad()
def _scores(network: Network, batch: Batch) -> Tensor:
    network.eval()
    scores: Tensor = network(batch.x, batch.adjacencies)
    return scores


def _loss(scores: Tensor, batch: Batch, units: Tensor) -> Tensor:
    return objective.loss(scores[units], batch.y[units])


def _result(scores: Tensor, batch: Batch, units: Tensor) -> float:
    return objective.result(scores[units], batch.y[units])
