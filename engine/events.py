"""What happens while a run is carried out, as values; the last one ends it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.metrics.merit import ACCURACY, Merit
from engine.runs import Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """Training begins.

    Args:
        key: The run's key.
        epochs: How many it will take.
        merit: What it is judged by.
    """

    key: str
    epochs: int
    merit: Merit = ACCURACY


@dataclass(frozen=True, kw_only=True, slots=True)
class EpochDone:
    """An epoch is done.

    Args:
        epoch: Its number, from 1.
        loss: Mean loss over the training units.
        train: What the run's merit says of the training units.
        validation: The same of the validation units.
        seconds_left: Estimate of the time that the other epochs take.
    """

    epoch: int
    loss: float
    train: float
    validation: float
    seconds_left: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """The run is in the store, just trained or found there."""

    key: str
    run: Run


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancelled:
    """The run was cancelled; its partial record is in the store."""

    key: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Diverged:
    """The run left the finite numbers; its partial record is in the store."""

    key: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """No integer is wide enough for the run on its graph; its partial record is in the store."""

    key: str
    note: str


Event = Started | EpochDone | Finished | Cancelled | Diverged | Failed
