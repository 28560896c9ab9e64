"""A schedule as tapes: recorded once, and then run without Python between its kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.memory import aligned
from engine.integer.kernels.table import NUMBA, noting
from engine.integer.kernels.threads import thread_count
from engine.integer.kernels.work import Tape, Work
from engine.integer.schedule import Schedule
from engine.integer.stages.stage import Buffer, Slot, Step, Value

SMALL = 4_000_000
"""Multiply-adds that one thread has done before another has come to help, a fraction of a
millisecond."""

Player = Callable[[dict[Slot, Value]], None]
"""Does some steps, with what slots hold that are not in the block."""


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A schedule's steps in one block of memory.

    A step with an ending does nothing but call kernels. Where all it reads has its place, its works
    are noted once; others run anew each time.

    Args:
        schedule: The schedule.
        block: Where the slots lie that have a place.
        values: What those hold, and the slot that no step fills.
        works: Of each step, None where it runs anew.
        outlets: Where works are told the address of the scores; none where a step makes them anew.
    """

    schedule: Schedule
    block: Buffer
    values: dict[Slot, Value]
    works: tuple[tuple[Work, ...] | None, ...]
    outlets: tuple[tuple[NDArray[np.int64], int], ...]
    _players: list[Player] = field(default_factory=list)

    def run(self) -> Value:
        """Return what the last step fills; in the block, only until the next run."""
        if not self._players:
            self._players.extend(self._joined())
        return self._run(self._players)

    def timed(self, watch: Callable[[Step, Player], Player]) -> Value:
        """Do the same, step by step.

        Args:
            watch: Returns what is done instead of a step and its player.
        """
        players = (
            self._live(index) if works is None else self._played(works)
            for index, works in enumerate(self.works)
        )
        return self._run([watch(s, p) for s, p in zip(self.schedule.steps, players, strict=True)])

    def _run(self, players: list[Player]) -> Value:
        values, last = dict(self.values), self.schedule.steps[-1]
        if self.outlets:
            values[last.target] = scores = np.empty(last.shape, np.float32)
            for numbers, index in self.outlets:
                numbers[index] = scores.ctypes.data
        for play in players:
            play(values)
        return values[last.target]

    def _joined(self) -> Iterator[Player]:
        """Yield what does the steps: works that follow each other on one tape."""
        together: list[Work] = []
        for index, works in enumerate(self.works):
            if works is not None:
                together.extend(works)
                continue
            if together:
                yield self._played(together)
            together = []
            yield self._live(index)
        if together:
            yield self._played(together)

    def _played(self, works: Any) -> Player:
        tape, alone = Tape(works), self.schedule.operations < SMALL

        def play(values: dict[Slot, Value]) -> None:
            tape.play(1 if alone else thread_count())

        return play

    def _live(self, index: int) -> Player:
        step, done = self.schedule.steps[index], self.schedule.releases[index]
        buffer = self.schedule.layout.buffer(self.block, step.target)

        def play(values: dict[Slot, Value]) -> None:
            values[step.target] = step.run(values, NUMBA, buffer)
            for slot in done:
                if slot not in self.values:
                    del values[slot]

        return play


def record(schedule: Schedule, entry: Slot, features: Value) -> Recording:
    """Return a schedule's steps in memory of their own.

    Args:
        schedule: The schedule.
        entry: The slot that no step fills.
        features: What it holds.
    """
    block = aligned(schedule.layout.size_bytes)
    values: dict[Slot, Value] = {entry: features}
    works: list[tuple[Work, ...] | None] = []
    outlets: list[tuple[NDArray[np.int64], int]] = []
    filled = {step.target for step in schedule.steps}
    for step in schedule.steps:
        buffer = schedule.layout.buffer(block, step.target)
        placed = all(slot in values for slot in step.sources if slot in filled)
        if step.ending is not None and placed:
            noted: list[Work] = []
            value = step.run(values, noting(noted), buffer)
            works.append(tuple(noted))
        elif step.ending is not None:
            _, value = replace(step.ending, buffer=buffer).open(step.shape[0])
            works.append(None)
        else:
            works.append(None)
            continue
        if buffer is not None:
            values[step.target] = value
        elif works[-1] is not None:
            assert isinstance(value, np.ndarray)
            outlets = [place for w in works[-1] for place in w.operands.moved(value)]
    return Recording(schedule, block, values, tuple(works), tuple(outlets))


Item = TypeVar("Item")


@dataclass(slots=True)
class Pool(Generic[Item]):
    """Things that a run takes and gives back: as many as ever ran at once.

    Args:
        make: Makes one more.
    """

    make: Callable[[], Item]
    _free: list[Item] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def one(self) -> Iterator[Item]:
        """Give one that nobody else has."""
        with self._lock:
            item = self._free.pop() if self._free else None
        if item is None:
            item = self.make()
        try:
            yield item
        finally:
            with self._lock:
                self._free.append(item)
