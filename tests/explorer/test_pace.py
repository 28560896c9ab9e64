"""Answers off the main thread: newest question only, on the asking thread, faults delivered."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time

from explorer.pace import Pace


def test_without_a_loop_the_answer_is_there_at_once() -> None:
    got: list[object] = []
    Pace(lambda question: question * 2, lambda q, a: got.append((q, a))).ask(21)
    assert got == [(21, 42)]


def test_of_many_questions_only_the_newest_is_answered() -> None:
    worked: list[int] = []
    delivered: list[tuple[int, object, int]] = []
    pause_s = 0.02

    def work(question: int) -> int:
        worked.append(threading.get_ident())
        time.sleep(0.1)
        return question + 1

    async def scene() -> None:
        pace: Pace[int, int] = Pace(
            work, lambda q, a: delivered.append((q, a, threading.get_ident())), pause_s
        )
        for question in range(5):
            pace.ask(question)
        await asyncio.sleep(0.07)
        pace.ask(10)
        pace.ask(11)
        await asyncio.sleep(0.5)
        pace.ask(20)
        await asyncio.sleep(0.3)

    asyncio.run(scene())
    here = threading.get_ident()
    assert delivered == [(11, 12, here), (20, 21, here)]
    assert len(worked) == 3
    assert here not in worked


def test_main_thread_stays_free_while_an_answer_is_worked_out() -> None:
    ticks: list[float] = []

    async def scene() -> None:
        pace: Pace[int, None] = Pace(lambda _: time.sleep(0.3), lambda q, a: None, 0.0)
        pace.ask(1)
        for _ in range(20):
            ticks.append(time.monotonic())
            await asyncio.sleep(0.01)

    asyncio.run(scene())
    assert max(b - a for a, b in itertools.pairwise(ticks)) < 0.15


def test_exception_is_delivered_and_the_next_question_answered() -> None:
    got: list[object] = []

    async def scene() -> None:
        pace: Pace[int, float] = Pace(lambda q: 1 / q, lambda q, a: got.append(a), 0.0)
        pace.ask(0)
        await asyncio.sleep(0.1)
        pace.ask(2)
        await asyncio.sleep(0.1)

    asyncio.run(scene())
    assert isinstance(got[0], ZeroDivisionError)
    assert got[1:] == [0.5]
