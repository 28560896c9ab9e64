"""Works are done in order, every part once, whoever comes to help."""

from __future__ import annotations

import threading
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.integer.kernels import work as working
from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import CodeTarget
from engine.integer.kernels.table import NUMBA, noting
from engine.integer.kernels.told import told
from engine.integer.kernels.vectors import element, fields, put
from engine.integer.kernels.work import Tape, Work, work

u = np.uintp


@cache
def adding() -> int:
    """Return what adds to a part's number the sum of the numbers before it, and some more."""
    number = np.int64(0)

    def add_before(of: int, part: int, scratch: int) -> None:
        before, after, more, length = fields(u(of), 4)
        put(np.int64(part), u(scratch), u(0))
        total = element(number, u(scratch), u(0)) + more
        for index in range(length):
            total += element(number, u(before), u(index))
        put(total, u(after), u(part))

    return routine(add_before)


def chain(steps: int, parts: int) -> tuple[list[Work], list[NDArray[np.int64]]]:
    """Return works each of which reads all that the one before it wrote."""
    rows = [np.arange(parts), *(np.full(parts, -1) for _ in range(steps))]
    works = [
        work(adding(), parts, 8, before, after, step, parts)
        for step, (before, after) in enumerate(pairwise(rows))
    ]
    return works, rows


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("parts", [1, 3, 100])
def test_a_work_begins_when_the_one_before_is_done(threads: int, parts: int) -> None:
    works, rows = chain(6, parts)
    tape = Tape(works)
    for _ in range(20):
        for row in rows[1:]:
            row[:] = -1
        tape.play(threads)
        wanted = rows[0] % 1000
        for step, row in enumerate(rows[1:]):
            wanted = np.arange(parts) + step + wanted.sum()
            np.testing.assert_array_equal(row, wanted)


def test_who_comes_late_finds_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    late = []

    class Crew:
        def submit(self, take: object, control: object) -> None:
            late.append((take, control))

    monkeypatch.setattr(working, "_crew", Crew)
    works, rows = chain(3, 10)
    Tape(works).play(3)
    assert len(late) == 2
    kept = [row.copy() for row in rows]
    for row in rows[1:]:
        row[:] = -1
    for take, control in late:
        take(control)
    assert all((row == -1).all() for row in rows[1:])
    assert (kept[-1] > 0).all()


def test_without_works_or_parts_nothing_happens() -> None:
    Tape([]).play(2)
    works, rows = chain(2, 4)
    Tape([works[0]._replace(parts=0)]).play(2)
    assert (rows[1] == -1).all()


def test_several_python_threads_may_call_at_once() -> None:
    x = np.linspace(-300, 300, 40_000, dtype=np.float32).reshape(200, 200)
    expected = np.clip(np.rint(x), -100, 155) + 100
    done: list[bool] = []

    def call() -> None:
        for _ in range(100):
            words = np.zeros((200, 200), np.uint8)
            NUMBA.quantize(x, CodeTarget(words, 8, 100, 255, np.ones(1, np.float32)))
            done.append(bool((words == expected).all()))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * 400


def test_noted_works_are_done_when_they_are_played() -> None:
    tape: list[Work] = []
    x, words = np.arange(6, dtype=np.float32).reshape(2, 3), np.full((2, 3), 9, np.uint8)
    noting(tape).quantize(x, CodeTarget(words, 8, 0, 255, np.ones(1)))
    assert (words == 9).all()
    for more in (0, 10):
        x += more
        Tape(tape).play(1)
        np.testing.assert_array_equal(words, x)


def test_an_array_may_be_let_go_and_another_told_instead() -> None:
    first, second = np.arange(3), np.arange(3)
    deep = told(7, told(first, 1), second)
    (place,) = deep.moved(first)
    numbers, index = place
    assert numbers[index] == first.ctypes.data
    assert not list(deep.moved(first)), "it is no longer held"
    (place,) = deep.moved(second)
    assert place[0] is deep.numbers
