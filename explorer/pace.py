"""What is done when: answers beside the main thread, the newest question only; and what can wait.

A page takes messages one after another: what is sent first is drawn first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from explorer.faults import guarded

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Pace(Generic[Question, Answer]):
    """Asks for the answer to the newest question and delivers it on the asking thread.

    Where no asyncio loop runs (a script, a test) the answer is delivered before `ask` returns.

    Args:
        answer: Computes an answer; called on one thread of its own, one question at a time.
        deliver: Takes a question and its answer, or the exception that came instead.
        pause_s: How long a newer question may take the place of one just asked, where others came
            as shortly before; a single one is begun at once.
    """

    def __init__(
        self,
        answer: Callable[[Question], Answer],
        deliver: Callable[[Question, Answer | Exception], None],
        pause_s: float = 0.05,
    ) -> None:
        self._answer, self._deliver, self._pause_s = answer, deliver, pause_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="answers")
        self._wanted: Question | None = None
        self._asked_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._busy = False

    def ask(self, question: Question) -> None:
        """Ask; an earlier question not yet begun is forgotten, one begun is not delivered."""
        self._wanted = question
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._deliver(question, self._attempt(question))
            return
        if self._timer is not None:
            self._timer.cancel()
        before_s, self._asked_s = self._asked_s, loop.time()
        is_single = self._asked_s - before_s > self._pause_s
        self._timer = loop.call_later(0 if is_single else self._pause_s, self._begin, loop)

    def settle(self, question: Question) -> None:
        """Ask, and have the answer delivered before this returns."""
        self._wanted = question
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._deliver(question, self._thread.submit(self._attempt, question).result())

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if not self._busy:
            self._busy = True
            self._task = loop.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                question = self._wanted
                assert question is not None
                answer = await loop.run_in_executor(self._thread, self._attempt, question)
                if self._wanted is question:
                    guarded(self._deliver, question, answer)
                if self._wanted is question or self._timer is not None:
                    return
        finally:
            self._busy = False

    def _attempt(self, question: Question) -> Answer | Exception:
        try:
            return self._answer(question)
        except Exception as error:
            return error


class Deferred:
    """Does what can wait: some time after it is told that it may begin, or else after a while.

    Where no asyncio loop runs (a script, a test) nothing waits.

    Args:
        act: Does it.
        pause_s: The time that what comes first takes the page to draw.
        patience_s: The while.
    """

    def __init__(
        self, act: Callable[[], object], pause_s: float = 0.15, patience_s: float = 0.4
    ) -> None:
        self._act, self._pause_s, self._patience_s = act, pause_s, patience_s
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Have it done; asked again before it was, it is done once."""
        if self._timer is None:
            self._wait(self._patience_s)

    def begin(self) -> None:
        """Have it done after the pause, if it was asked for and not done yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._wait(self._pause_s)

    def now(self) -> None:
        """Do it, if it was asked for and not done yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._act()

    def _wait(self, seconds: float) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._timer = None
            self._act()
        else:
            self._timer = loop.call_later(seconds, self.now)
