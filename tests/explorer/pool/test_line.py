"""Whose turn is next."""

from __future__ import annotations

from engine.spec import RunSpec
from explorer.pool.line import Line, Task, Ticket


def asked(line: Line, visitor: int, seed: int, background: bool = False) -> Task:
    task = line.like(RunSpec(seed=seed)) or line.add(RunSpec(seed=seed))
    task.tickets[Ticket(visitor, f"{visitor}-{seed}")] = background
    return task


def seeds(line: Line) -> list[int]:
    return [task.order.seed for task in line.waiting]


def test_everyones_first_goes_before_anyones_second() -> None:
    line = Line()
    for visitor, seed in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (2, 21)]:
        asked(line, visitor, seed)
    assert seeds(line) == [10, 20, 30, 11, 21, 12]


def test_what_is_going_on_counts_as_a_turn() -> None:
    line = Line()
    asked(line, 1, 10).is_running = True
    asked(line, 1, 11)
    asked(line, 2, 20)
    assert seeds(line) == [20, 11]
    assert [task.order.seed for task in line.running] == [10]


def test_what_a_button_was_pressed_for_goes_before_what_none_was() -> None:
    line = Line()
    asked(line, 1, 10, background=True)
    asked(line, 2, 20)
    asked(line, 2, 21)
    assert seeds(line) == [20, 21, 10]
    asked(line, 3, 10)
    assert seeds(line) == [10, 20, 21]


def test_what_lost_its_executor_is_next() -> None:
    line = Line()
    asked(line, 1, 10)
    asked(line, 2, 20).attempts = 1
    assert seeds(line) == [20, 10]


def test_what_is_being_ended_is_not_joined() -> None:
    line = Line()
    task = asked(line, 1, 10)
    task.ending = "Cancelled."
    assert line.like(task.order) is None
