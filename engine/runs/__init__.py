"""The run store: every run in a folder of its own, safe under many processes, found by its key.

    store = RunStore(shipped=[assets])
    if (run := store.answer(spec.key)) is None:
        with store.begin(spec) as pending:
            for epoch in train(spec):
                pending.epoch(epoch)
            pending.write("program.npz", program.save)
            run = pending.finish(metrics, arrays)

Metrics and epochs are strict JSON on the disk; NaN and the infinities are spelled as strings there
and come back as floats.
"""

from __future__ import annotations

from engine.runs.arrays import Arrays
from engine.runs.errors import AlreadyFinished, AlreadyRunning, CorruptRun, NewerRun, StoreError
from engine.runs.lock import Owner
from engine.runs.packed import NotPacked, pack
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
    "NotPacked",
    "Owner",
    "PendingRun",
    "Run",
    "RunStore",
    "RunSummary",
    "Status",
    "StoreError",
    "pack",
    "store_folder",
]
