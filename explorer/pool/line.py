"""The line of what was asked for: who waits for what, and whose turn is next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from explorer.pool.orders import Order


@dataclass(frozen=True, slots=True)
class Ticket:
    """One visitor's claim to the outcome of a task.

    Args:
        visitor: The visitor's number.
        id: What the visitor calls the job.
    """

    visitor: int
    id: str


@dataclass(kw_only=True, eq=False, slots=True)
class Task:
    """An order, computed once for everyone who asked for it.

    Args:
        order: What is to be done.
        number: It is the so-manieth task that was asked for.
        tickets: Who asked; the value says that nobody pressed a button for it.
        is_running: Whether an executor is at it.
        told_before: How many are before it, as its visitors were last told.
        started: The event that training began with, if it has.
        epochs: Their records so far, for whoever joins.
        attempts: How often it was begun.
        ending: Why it is being ended early; empty while it is not.
        began_s: When it was begun last, by the pool's clock.
    """

    order: Order
    number: int
    tickets: dict[Ticket, bool] = field(default_factory=dict)
    is_running: bool = False
    told_before: int | None = None
    started: dict[str, Any] | None = None
    epochs: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0
    ending: str = ""
    began_s: float = 0.0

    @property
    def id(self) -> str:
        """What the executors call it."""
        return f"task-{self.number}"

    @property
    def is_background(self) -> bool:
        """Whether nobody at all pressed a button for it."""
        return all(self.tickets.values())


class Line:
    """All tasks that are not over.

    A task for which someone pressed a button goes before one that nobody did; then everyone's first
    before anyone's second; then whoever came first. One that was begun before, and lost its
    executor, is next.
    """

    def __init__(self) -> None:
        self._tasks: list[Task] = []
        self._numbers = 0

    def __iter__(self) -> Iterator[Task]:
        return iter(tuple(self._tasks))

    @property
    def running(self) -> list[Task]:
        """Tasks that an executor is at."""
        return [task for task in self._tasks if task.is_running]

    @property
    def waiting(self) -> list[Task]:
        """The others, in the order in which they will be begun."""
        turns: dict[int, int] = {}
        places = []
        for task in sorted(self._tasks, key=lambda task: not task.is_running):
            visitors = {ticket.visitor for ticket in task.tickets}
            turn = min((turns.get(visitor, 0) for visitor in visitors), default=0)
            for visitor in visitors:
                turns[visitor] = turns.get(visitor, 0) + 1
            if not task.is_running:
                again = task.attempts == 0
                places.append((again, task.is_background, turn, task.number, task))
        return [task for *_, task in sorted(places, key=lambda place: place[:-1])]

    def of(self, visitor: int) -> list[Task]:
        """Return a visitor's tasks."""
        return [task for task in self._tasks if any(t.visitor == visitor for t in task.tickets)]

    def held(self, ticket: Ticket) -> Task | None:
        """Return the task that a ticket is for, if it is not over."""
        return next((task for task in self._tasks if ticket in task.tickets), None)

    def like(self, order: Order) -> Task | None:
        """Return the task that an order can be joined to, if any."""
        alike = (task for task in self._tasks if task.order == order and not task.ending)
        return next(alike, None)

    def add(self, order: Order) -> Task:
        """Return a new task at its place in the line."""
        self._numbers += 1
        task = Task(order=order, number=self._numbers)
        self._tasks.append(task)
        return task

    def remove(self, task: Task) -> None:
        """Forget a task that is over."""
        self._tasks.remove(task)
