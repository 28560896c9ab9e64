"""Answers off the main thread: newest question only, on the asking thread, faults delivered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from explorer.pace import Deferred, Pace


async def settle(condition: Callable[[], object]) -> None:
    """Let the loop run until a condition holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_without_a_loop_the_answer_is_there_at_once() -> None:
    got: list[object] = []
    Pace(lambda question: question * 2, lambda q, a: got.append((q, a))).ask(21)
    assert got == [(21, 42)]


def test_of_many_questions_only_the_newest_is_answered() -> None:
    worked: list[int] = []
    delivered: list[tuple[int, object]] = []
    threads: set[int] = set()
    go_on = threading.Event()

    def work(question: int) -> int:
        worked.append(question)
        threads.add(threading.get_ident())
        go_on.wait(20)
        return question + 1

    async def scene() -> None:
        pace: Pace[int, int] = Pace(work, lambda q, a: delivered.append((q, a)), 0.01)
        for question in range(5):
            pace.ask(question)
        await settle(lambda: worked)
        pace.ask(10)
        pace.ask(11)
        go_on.set()
        await settle(lambda: delivered)
        pace.ask(20)
        await settle(lambda: len(delivered) == 2)

    asyncio.run(scene())
    assert worked == [4, 11, 20]
    assert delivered == [(11, 12), (20, 21)]
    assert threading.get_ident() not in threads


def test_answers_are_delivered_on_the_loops_thread_which_stays_free() -> None:
    go_on = threading.Event()
    delivered: list[int] = []

    async def scene() -> None:
        pace: Pace[int, bool] = Pace(
            lambda _: go_on.wait(20), lambda q, a: delivered.append(threading.get_ident()), 0.0
        )
        pace.ask(1)
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert delivered == []
        go_on.set()
        await settle(lambda: delivered)

    asyncio.run(scene())
    assert delivered == [threading.get_ident()]


def test_exception_is_delivered_and_the_next_question_answered() -> None:
    got: list[object] = []

    async def scene() -> None:
        pace: Pace[int, float] = Pace(lambda q: 1 / q, lambda q, a: got.append(a), 0.0)
        pace.ask(0)
        await settle(lambda: got)
        pace.ask(2)
        await settle(lambda: len(got) == 2)

    asyncio.run(scene())
    assert isinstance(got[0], ZeroDivisionError)
    assert got[1] == 0.5


def test_settle_delivers_before_it_returns_and_forgets_what_waited() -> None:
    delivered: list[tuple[int, object]] = []

    async def scene() -> None:
        pace: Pace[int, int] = Pace(lambda q: q * 2, lambda q, a: delivered.append((q, a)), 0.01)
        pace.ask(1)
        pace.settle(2)
        assert delivered == [(2, 4)]
        await asyncio.sleep(0.05)

    asyncio.run(scene())
    assert delivered == [(2, 4)]


def test_a_single_question_waits_for_no_other() -> None:
    delivered: list[tuple[int, object]] = []

    async def scene() -> None:
        pace: Pace[int, int] = Pace(lambda q: q * 2, lambda q, a: delivered.append((q, a)), 3600)
        pace.ask(1)
        await settle(lambda: delivered)

    asyncio.run(scene())
    assert delivered == [(1, 2)]


def test_without_a_loop_nothing_waits() -> None:
    done: list[int] = []
    deferred = Deferred(lambda: done.append(len(done)))
    deferred.ask()
    assert done == [0]
    deferred.begin()
    deferred.now()
    assert done == [0]


def test_what_can_wait_is_done_once_after_it_may_begin() -> None:
    done: list[float] = []

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        deferred = Deferred(lambda: done.append(loop.time()), 0.02, 60)
        deferred.begin()  # nothing was asked for
        await asyncio.sleep(0.05)
        assert done == []
        deferred.ask()
        deferred.ask()
        await asyncio.sleep(0.05)
        assert done == []
        begun = loop.time()
        deferred.begin()
        await settle(lambda: done)
        assert done[0] - begun >= 0.019
        await asyncio.sleep(0.05)
        assert len(done) == 1

    asyncio.run(scene())


def test_what_can_wait_waits_no_longer_than_its_patience() -> None:
    done: list[str] = []

    async def scene() -> None:
        Deferred(lambda: done.append("late"), 60, 0.01).ask()
        await settle(lambda: done)
        hurried = Deferred(lambda: done.append("now"), 60, 60)
        hurried.ask()
        hurried.now()
        assert done == ["late", "now"]

    asyncio.run(scene())
