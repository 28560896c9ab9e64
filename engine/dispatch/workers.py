"""Whoever carries out runs: an executor, and how one talks with its tasks while they are at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

Message = dict[str, Any]
"""Of a task: ``{"run": key, "started": [epochs, merit]}``, or ``{"run": key, "epochs": [[…], …]}``
with the fields of each `EpochDone`; numbers, strings and lists alone."""


class Wire(Protocol):
    """A task's end of the line to whoever asked for it; it travels with the task."""

    @property
    def scratch(self) -> str | None:
        """The worker's folder for what need not outlive it; None for the machine's own."""

    def tell(self, message: Message) -> None:
        """Say how far the task is."""

    def is_cancelled(self) -> bool:
        """Return whether the task is no longer wanted."""


class NoWire:
    """No line: its task tells nothing until it ends, and ends only by itself."""

    scratch: str | None = None

    def tell(self, message: Message) -> None:
        """Say it to nobody."""

    def is_cancelled(self) -> bool:
        """Return False."""
        return False


def _itself(value: Any) -> Any:
    return value


def _nothing() -> Sequence[Message]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """Workers that are there.

    Args:
        executor: Hands tasks to them; a task that is lost with its worker either comes to a
            `BrokenExecutor`, or is begun again by the executor itself.
        wire: What its tasks talk by.
        heard: Returns what they have said since it was called last.
        share: Returns what stands for a value in the arguments of several tasks, so that it
            travels once.
        gave_up: Errors of an executor that began a lost task again itself, too often.
    """

    executor: Executor
    wire: Wire = field(default_factory=NoWire)
    heard: Callable[[], Sequence[Message]] = _nothing
    share: Callable[[Any], Any] = _itself
    gave_up: tuple[type[Exception], ...] = ()


Workers = Callable[[], AbstractContextManager[Opened]]
"""Opens workers, again where they were lost; as the context ends, what they are at is cancelled."""


def silent(executor: Callable[[], Executor]) -> Workers:
    """Return the workers of any executor there is: what they have begun, they bring to its end.

    Args:
        executor: Opens one.
    """
    return partial(_silent, executor)


@contextmanager
def _silent(executor: Callable[[], Executor]) -> Iterator[Opened]:
    opened = executor()
    try:
        yield Opened(executor=opened)
    finally:
        opened.shutdown(wait=False, cancel_futures=True)
