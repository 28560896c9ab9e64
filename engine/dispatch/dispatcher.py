"""Hands runs to workers, tells how far they are, and keeps their records in one store."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from engine.dispatch.luggage import label, luggage_of
from engine.dispatch.task import carry_out
from engine.dispatch.workers import Message, Opened, Workers
from engine.events import Cancelled, Diverged, EpochDone, Event, Failed, Finished, Started
from engine.metrics.merit import MERITS
from engine.runs import RunStore
from engine.spec import RunSpec, canonical, float_twin

MOST_LOSSES = 3
"""How often in a row workers may be lost before any of them ends a run."""

POLL_S = 0.1
"""How often it is asked whether the runs are still wanted, and what workers have said."""

FROM_ELSEWHERE_S = 600.0
"""How long the store waits for another process that is at a run that a worker has ended."""

Told = tuple[RunSpec, Event]
"""A run, and what happened to it."""


class WorkersLost(OSError):
    """Workers were lost again and again; what ended before is kept."""


class Dispatcher:
    """Runs under way; a context, at whose end what is left of them is cancelled.

    A run that needs its float twin waits until that is in the store, so that it is trained once. A
    run whose worker is lost is begun again.

    Args:
        workers: Carry out the runs; opened when first needed.
        store: Keeps them, and graphs and own models beside them.
    """

    def __init__(self, workers: Workers, store: RunStore) -> None:
        self._workers, self._store = workers, store
        self._asked: dict[str, RunSpec] = {}
        self._waiting: dict[str, list[RunSpec]] = {}
        self._under_way: dict[Future[tuple[str, bytes]], RunSpec] = {}
        self._lost: list[RunSpec] = []
        self._losses = 0
        self._told: deque[Told] = deque()
        self._opened: Opened | None = None
        self._shared: dict[tuple[str, str, str], Any] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Dispatcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def begin(self, specs: Iterable[RunSpec]) -> None:
        """Have runs carried out; one that the store answers, or that is under way, is not again.

        Raises:
            GraphError: If a graph cannot be had.
            SpecError: If the workers cannot be had.
        """
        for spec in specs:
            if spec.key in self._asked:
                continue
            if found := self._store.answer(spec.key):
                self._told.append((spec, Finished(key=spec.key, run=found)))
                continue
            self._asked[spec.key] = spec
            if spec.key in self._waiting:  # it is under way, as another run's float twin
                continue
            twin = float_twin(spec)
            if not spec.training.needs_float or self._store.answer(twin.key):
                self._hand_over(spec)
                continue
            alike = self._waiting.setdefault(twin.key, [])
            alike.append(spec)
            if len(alike) == 1 and twin.key not in self._asked:
                self._hand_over(twin)

    def told(self) -> Iterator[Told]:
        """Yield what has happened since, waiting for nothing.

        Raises:
            StoreError: If a record cannot be kept.
            WorkersLost: If workers are lost again and again.
        """
        ended = [future for future in self._under_way if future.done()]
        for message in self._opened.heard() if self._opened else ():
            yield from self._said(message)
        for future in ended:
            self._end(self._under_way.pop(future), future)
            while self._told:
                yield self._told.popleft()
        while self._told:
            yield self._told.popleft()
        if self._lost and not self._under_way:  # some may end well, though others are lost
            self._begin_again()

    def follow(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Told]:
        """Yield what happens until every run has ended, each by its last event.

        Args:
            cancelled: Asked several times a second; where it is true, what is left is cancelled.

        Raises:
            StoreError: If a record cannot be kept.
            WorkersLost: If workers are lost again and again.
        """
        while True:
            yield from self.told()
            if not self._asked:
                return
            if cancelled():
                self._close()
                for spec in tuple(self._asked.values()):
                    del self._asked[spec.key]
                    yield spec, Cancelled(key=spec.key, note="Cancelled.")
                return
            wait(self._under_way, timeout=POLL_S, return_when=FIRST_COMPLETED)

    def _hand_over(self, spec: RunSpec) -> None:
        """Have workers carry out a run that needs nothing that is not there."""
        if self._opened is None:
            self._opened = self._closing.enter_context(self._workers())
        opened, name = self._opened, label(spec)
        try:
            if name not in self._shared:
                self._shared[name] = opened.share(luggage_of(spec, self._store))
            future = opened.executor.submit(
                carry_out, canonical(spec), self._shared[name], opened.wire
            )
        except BrokenExecutor as error:
            future = Future()
            future.set_exception(error)
        self._under_way[future] = spec

    def _said(self, message: Message) -> Iterator[Told]:
        """Yield what a task says, of its run, or of those that wait for it."""
        key = message["run"]
        for spec in (self._asked.get(key), *self._waiting.get(key, ())):
            if spec is None:
                continue
            if "started" in message:
                epochs, merit = message["started"]
                yield spec, Started(key=key, epochs=epochs, merit=MERITS[merit])
            for epoch, loss, train, validation, seconds_left in message.get("epochs", ()):
                yield (
                    spec,
                    EpochDone(
                        epoch=epoch,
                        loss=loss,
                        train=train,
                        validation=validation,
                        seconds_left=seconds_left,
                    ),
                )

    def _end(self, spec: RunSpec, future: Future[tuple[str, bytes]]) -> None:
        """Keep what a task came to, and begin what waited for it."""
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or isinstance(error, BrokenExecutor):
            self._lost.append(spec)
            return
        if self._opened is not None and isinstance(error, self._opened.gave_up):
            raise WorkersLost(f"Run {spec.key[:12]} was lost with its worker: {error}") from error
        note, packed = future.result()
        run = self._store.adopt(spec.key, packed, timeout_s=FROM_ELSEWHERE_S)
        if run.status == "cancelled":  # by its worker, which was told to end
            self._lost.append(spec)
            return
        self._losses = 0
        event: Event
        if run.status == "finished":
            event = Finished(key=spec.key, run=run)
        elif run.status == "diverged":
            event = Diverged(key=spec.key, note=run.note)
        else:
            event = Failed(key=spec.key, note=note or run.note)
        if self._asked.pop(spec.key, None):
            self._told.append((spec, event))
        for waited in self._waiting.pop(spec.key, ()):
            if isinstance(event, Finished):
                self._hand_over(waited)
            else:
                del self._asked[waited.key]
                self._told.append((waited, event))

    def _begin_again(self) -> None:
        """Open workers anew, and have them carry out whatever had not ended.

        Raises:
            WorkersLost: If that was done too often.
        """
        self._losses += 1
        if self._losses == MOST_LOSSES:
            raise WorkersLost(
                f"Workers were lost {MOST_LOSSES} times before any of them ended one of "
                f"{len(self._lost)} runs. What ended before is kept."
            )
        lost = self._lost
        self._close()
        for spec in lost:
            self._hand_over(spec)

    def _close(self) -> None:
        self._opened = None
        self._lost, self._under_way, self._shared = [], {}, {}
        self._closing.close()


def run(
    workers: Workers, spec: RunSpec, store: RunStore, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Have a run carried out, or find it in the store, yielding what happens; the last event ends.

    Args:
        workers: One of them carries it out, and its float twin where it needs one.
        spec: What to run.
        store: Where runs are kept, and public graphs and own models beside them.
        cancelled: Asked several times a second.

    Raises:
        GraphError: If the graph cannot be had, or is not one to learn on.
        SpecError: If the workers cannot be had.
        StoreError: If the record cannot be kept.
        WorkersLost: If workers are lost again and again.
    """
    with Dispatcher(workers, store) as dispatcher:
        dispatcher.begin([spec])
        for _, event in dispatcher.follow(cancelled):
            yield event
