"""Workers that are processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Event

from engine.dispatch.workers import Message, Opened, Workers


def processes(count: int) -> Workers:
    """Return a number of processes; each starts fresh, since torch does not outlive a fork.

    Args:
        count: How many.
    """
    return partial(_processes, count)


@contextmanager
def _processes(count: int) -> Iterator[Opened]:
    fresh = multiprocessing.get_context("spawn")
    said: SimpleQueue[Message] = fresh.SimpleQueue()
    stop = fresh.Event()

    def heard() -> Sequence[Message]:
        messages = []
        while not said.empty():
            messages.append(said.get())
        return messages

    executor = ProcessPoolExecutor(
        count, mp_context=fresh, initializer=_begin, initargs=(said, stop)
    )
    try:
        yield Opened(executor=executor, wire=ProcessWire(), heard=heard)
    finally:
        stop.set()
        executor.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a process was given to talk by."""

    said: SimpleQueue[Message]
    stop: Event


_line: _Line | None = None


class ProcessWire:
    """The line that each process was given when it began."""

    scratch: str | None = None

    def tell(self, message: Message) -> None:
        """Say how far the task is."""
        assert _line is not None
        _line.said.put(message)

    def is_cancelled(self) -> bool:
        """Return whether all of these processes' tasks are no longer wanted."""
        assert _line is not None
        return _line.stop.is_set()


def _begin(said: SimpleQueue[Message], stop: Event) -> None:
    """Make ready a process that has just begun; an interrupt is for the one that asked."""
    global _line
    _line = _Line(said, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
