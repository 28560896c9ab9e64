"""The run store: every run in a folder of its own, safe under many processes, found by its key."""

from __future__ import annotations

from engine.runs.arrays import Arrays
from engine.runs.errors import AlreadyFinished, AlreadyRunning, CorruptRun, NewerRun, StoreError
from engine.runs.lock import Owner
from engine.runs.pending import PendingRun
from engine.runs.record import STATUSES, Run, Status
from engine.runs.store import RunStore, store_folder
from engine.runs.summary import RunSummary

__all__ = [
    "STATUSES",
    "AlreadyFinished",
    "AlreadyRunning",
    "Arrays",
    "CorruptRun",
    "NewerRun",
    "Owner",
    "PendingRun",
    "Run",
    "RunStore",
    "RunSummary",
    "Status",
    "StoreError",
    "store_folder",
]
