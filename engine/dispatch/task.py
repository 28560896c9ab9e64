"""What a worker does: one run, in a store of its own that ends with it; its record goes back."""

from __future__ import annotations

import threading
import time
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.dispatch.luggage import Luggage
from engine.dispatch.workers import Wire
from engine.events import EpochDone, Started
from engine.runs import RunStore, pack
from engine.spec import RunSpec, loads

TELL_EVERY_S = 0.25
MOST_EPOCHS = 50
"""Epochs of one message. It stays below 4 KiB: a pipe takes so much at once or not at all, so that
a process killed while it tells leaves no half of a message to those who read on."""

_alone = threading.Lock()
"""Torch's and Numba's threads are the process's, so a worker does one run at a time."""


def carry_out(spec: str, luggage: Luggage, wire: Wire) -> tuple[str, bytes]:
    """Carry out a run.

    Args:
        spec: Its canonical JSON.
        luggage: What it needs.
        wire: Tells how far it is, and whether it is still wanted.

    Returns:
        Why integers cannot carry it out, empty where they can; and the packed run, however it
        ended.
    """
    from engine.experiment import run
    from engine.integer import AccumulatorOverflow

    asked = loads(RunSpec, spec)
    telling = _Telling(asked.key, wire)
    with (
        _alone,
        TemporaryDirectory(
            prefix="graphbits-", dir=wire.scratch, ignore_cleanup_errors=True
        ) as place,
    ):
        store = RunStore(Path(place))
        luggage.put_into(store)
        note = ""
        try:
            for event in run(asked, store, wire.is_cancelled):
                telling.hear(event)
        except AccumulatorOverflow as error:
            note = str(error)
        telling.say()
        ended = store.find(asked.key)
        assert ended is not None
        return note, pack(ended)


class _Telling:
    """Says a run's events, several epochs at a time.

    Args:
        key: The run's.
        wire: By what.
    """

    def __init__(self, key: str, wire: Wire) -> None:
        self._key, self._wire = key, wire
        self._epochs: list[list[float]] = []
        self._said_s = 0.0

    def hear(self, event: Any) -> None:
        """Take an event; say it now, or with the next ones."""
        if isinstance(event, Started):
            self._wire.tell({"run": self._key, "started": [event.epochs, event.merit.name]})
        elif isinstance(event, EpochDone):
            self._epochs.append(list(astuple(event)))
            waited_s = time.monotonic() - self._said_s
            if waited_s >= TELL_EVERY_S or len(self._epochs) == MOST_EPOCHS:
                self.say()

    def say(self) -> None:
        """Say the epochs that were not said yet."""
        if self._epochs:
            self._wire.tell({"run": self._key, "epochs": self._epochs})
        self._epochs, self._said_s = [], time.monotonic()
