"""The pool: hands what visitors ask for to executors, within bounds, each order once.

Visitors say what a worker is told (see `engine.worker`): ``run``, ``fetch_graph``, ``search`` and
``cancel``; all but the last with ``background`` where nobody pressed a button for it. They hear a
worker's events, and

    pool {ready, note, pids}    how the executors are; a note if none can be had
    waiting {before}            so many tasks are before theirs
    running                     it was handed to an executor, perhaps for the second time
    alive                       every few seconds, from the executor they wait for
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.spec import SpecError
from explorer.bounds import Bounds
from explorer.pool.executor import Event, Executor, Hear
from explorer.pool.line import Line, Task, Ticket
from explorer.pool.orders import Order, read, written

CANCEL_WITHIN_S = 10.0
"""An executor that has not ended a cancelled task by then is killed and replaced."""
ABANDONED_AFTER_S = 15.0
"""How long what a visitor left behind goes on, in case the page was only loaded again."""
MAX_FAILED_STARTS = 3
ATTEMPTS = 2
"""How often a task is begun that loses its executor: what is killed once may be chance."""
CANCELLED = "Cancelled."
"""Why a task ends that its last visitor cancels; an executor that ends it by itself says more."""
OVER = ("finished", "fetched", "cancelled", "diverged", "failed")

Tell = Callable[[dict[str, Any]], None]


class Pool:
    """Visitors on one side, executors on the other.

    Args:
        bounds: What may be asked for.
        hire: Makes an executor that tells its events to what it is given.
        later: Calls a function after so many seconds, as an asyncio loop's ``call_later`` does.
        clock: Seconds from any fixed moment.
        finished: Called whenever a task has finished.
    """

    def __init__(
        self,
        bounds: Bounds,
        hire: Callable[[Hear], Executor],
        later: Callable[..., object],
        clock: Callable[[], float] = time.monotonic,
        finished: Callable[[], object] = lambda: None,
    ) -> None:
        self._bounds, self._hire, self._later, self._clock = bounds, hire, later, clock
        self._finished = finished
        self._line = Line()
        self._visitors: dict[int, Tell] = {}
        self._spent_s: dict[int, float] = {}
        self._come = 0
        self._ready: dict[Executor, Task | None] = {}
        self._starting: list[Executor] = []
        self._failed_starts = 0
        self._failure = ""
        self._closed = False
        self._staff()

    def join(self, tell: Tell) -> int:
        """Return the number of a new visitor, who is told events from now on."""
        self._come += 1
        self._visitors[self._come] = tell
        self._spent_s[self._come] = 0.0
        tell(self._state())
        return self._come

    def leave(self, visitor: int) -> None:
        """Forget a visitor; soon after, what nobody else waits for is cancelled."""
        self._visitors.pop(visitor, None)
        self._later(ABANDONED_AFTER_S, self._abandon, visitor)

    def ask(self, visitor: int, command: Any) -> None:
        """Do what a visitor says, or tell why not."""
        id = command.get("id") if isinstance(command, Mapping) else None
        if not isinstance(id, str) or len(id) > 100:
            self._send(visitor, {"id": None, "event": "failed", "note": "not a command"})
            return
        ticket = Ticket(visitor, id)
        try:
            if command.get("command") == "cancel":
                self._cancel(ticket)
            elif (order := read(command)) is not None:
                self._bounds.check(order)
                self._submit(ticket, order, command.get("background") is True)
            else:
                self._tell(ticket, event="failed", note="no such command")
        except SpecError as error:
            self._tell(ticket, event="failed", note=f"{error}.")
        self._hand_out()

    def close(self) -> None:
        """Have every executor end."""
        self._closed = True
        for executor in self._executors:
            executor.close()

    def kill(self) -> None:
        """End every executor that is still there after `close`."""
        for executor in self._executors:
            executor.kill()

    @property
    def _executors(self) -> list[Executor]:
        return [*self._starting, *self._ready]

    def _submit(self, ticket: Ticket, order: Order, background: bool) -> None:
        if (held := self._line.held(ticket)) is not None:
            held.tickets[ticket] = background
            return
        if refusal := self._refusal(ticket.visitor):
            self._tell(ticket, event="failed", note=refusal)
            return
        task = self._line.like(order)
        if task is None:
            if len(self._line.waiting) >= self._bounds.waiting:
                note = f"The queue is full: {self._bounds.waiting} runs wait. Try again in a while."
                self._tell(ticket, event="failed", note=note)
                return
            task = self._line.add(order)
        task.tickets[ticket] = background
        if task.is_running:
            self._tell(ticket, event="running")
            if task.started is not None:
                self._tell(ticket, **task.started)
            if task.epochs:
                self._tell(ticket, event="epochs", epochs=task.epochs)
        else:
            task.told_before = None
        if self._failure:
            self._failed_starts, self._failure = 0, ""
            self._staff()
            self._announce()

    def _refusal(self, visitor: int) -> str:
        """Return why a visitor may not ask for more now; empty where nothing is against it."""
        most = self._bounds.visitor_runs
        if len(self._line.of(visitor)) >= most:
            return f"{most} runs of yours wait or are going on already; more when one is done."
        if self._spent_s[visitor] >= self._bounds.visitor_s:
            return (
                f"You have trained for {self._bounds.visitor_s:.0f} s, which is all that this "
                "server gives a visitor; previews go on."
            )
        return ""

    def _cancel(self, ticket: Ticket) -> None:
        task = self._line.held(ticket)
        if task is None or task.ending:
            return
        if task.is_running and len(task.tickets) == 1:
            self._end(task, CANCELLED)
            return
        del task.tickets[ticket]
        if not task.tickets:
            self._line.remove(task)
        begun = "" if task.is_running else " before it began"
        self._tell(ticket, event="cancelled", note=f"Cancelled{begun}.")

    def _abandon(self, visitor: int) -> None:
        self._spent_s.pop(visitor, None)
        for task in self._line.of(visitor):
            for ticket in [ticket for ticket in task.tickets if ticket.visitor == visitor]:
                self._cancel(ticket)
        self._hand_out()

    def _end(self, task: Task, why: str) -> None:
        """Have a running task end, by the executor itself or else by ending that."""
        if task.ending or not task.is_running:
            return
        task.ending = why
        executor = next(held for held, at in self._ready.items() if at is task)
        executor.take({"id": task.id, "command": "cancel"})
        self._later(CANCEL_WITHIN_S, self._kill_unless_over, executor, task)

    def _kill_unless_over(self, executor: Executor, task: Task) -> None:
        if self._ready.get(executor) is task:
            executor.kill()

    def _stop_if_long(self, task: Task, attempt: int) -> None:
        if task.attempts == attempt:
            most_s = self._bounds.seconds_of(task.order)
            self._end(task, f"Stopped: this may take {most_s:g} s on this server.")

    def _staff(self) -> None:
        while not self._closed and (len(self._ready) + len(self._starting) < self._bounds.workers):
            self._starting.append(self._hire(self._hear))

    def _hand_out(self) -> None:
        for task in self._line.waiting:
            executor = next((held for held, at in self._ready.items() if at is None), None)
            if executor is None:
                break
            if not executor.take({"id": task.id, **written(task.order)}):
                break
            self._ready[executor] = task
            task.is_running, task.began_s = True, self._clock()
            task.attempts += 1
            task.started, task.epochs = None, []
            self._later(
                self._bounds.seconds_of(task.order), self._stop_if_long, task, task.attempts
            )
            self._tell_all(task, event="running")
        running = len(self._line.running)
        for place, task in enumerate(self._line.waiting):
            if task.told_before != running + place:
                task.told_before = running + place
                self._tell_all(task, event="waiting", before=running + place)

    def _hear(self, executor: Executor, event: Event) -> None:
        name = event.get("event")
        task = self._ready.get(executor)
        if name == "ended":
            self._on_end(executor, event)
        elif name == "ready":
            self._failed_starts, self._failure = 0, ""
            self._starting.remove(executor)
            self._ready[executor] = None
            self._announce()
        elif name == "alive":
            for visitor in {t.visitor for t in task.tickets} if task else tuple(self._visitors):
                self._send(visitor, {"id": None, "event": "alive"})
            return
        elif task is not None and event.get("id") == task.id:
            said = {key: value for key, value in event.items() if key != "id"}
            if name == "started":
                task.started = said
            elif name == "epochs":
                task.epochs.extend(event["epochs"])
            elif name in OVER:
                self._over(executor, task)
                if name == "cancelled" and task.ending not in ("", CANCELLED):
                    said["note"] = task.ending  # the executor knows no more than that it was told
            self._tell_all(task, **said)
            if name == "finished":
                self._finished()
        self._hand_out()

    def _over(self, executor: Executor, task: Task) -> None:
        self._ready[executor] = None
        self._line.remove(task)
        for ticket in task.tickets:
            if ticket.visitor in self._spent_s:
                self._spent_s[ticket.visitor] += self._clock() - task.began_s

    def _on_end(self, executor: Executor, event: Event) -> None:
        if executor in self._starting:
            self._starting.remove(executor)
            self._failed_starts += 1
        task = self._ready.pop(executor, None)
        if task is not None:
            self._lose(task, str(event["note"]))
        if self._failed_starts >= MAX_FAILED_STARTS:
            why = event.get("last") or event["note"]
            self._failure = f"The worker process does not start: {why}"
            for waiting in self._line.waiting if not self._ready else ():
                self._line.remove(waiting)
                self._tell_all(waiting, event="failed", note=self._failure)
        else:
            self._staff()
        self._announce()

    def _lose(self, task: Task, how: str) -> None:
        """Begin a task again whose executor ended; give it up if it was begun too often."""
        task.is_running = False
        if not task.ending and task.attempts < ATTEMPTS:
            return
        self._line.remove(task)
        if task.ending:
            self._tell_all(task, event="cancelled", note=task.ending)
            return
        note = (
            f"The worker process ended in the middle of this {task.attempts} times ({how}). "
            "Finished runs are kept, and a new worker takes the next job."
        )
        self._tell_all(task, event="failed", note=note)

    def _state(self) -> dict[str, Any]:
        pids = [executor.pid for executor in self._executors if executor.pid is not None]
        ready = bool(self._ready)
        note = "" if ready else self._failure
        return {"id": None, "event": "pool", "ready": ready, "note": note, "pids": pids}

    def _announce(self) -> None:
        for visitor in tuple(self._visitors):
            self._send(visitor, self._state())

    def _tell_all(self, task: Task, **event: Any) -> None:
        for ticket in tuple(task.tickets):
            self._tell(ticket, **event)

    def _tell(self, ticket: Ticket, **event: Any) -> None:
        self._send(ticket.visitor, {**event, "id": ticket.id})

    def _send(self, visitor: int, event: dict[str, Any]) -> None:
        if (tell := self._visitors.get(visitor)) is not None:
            tell(event)
