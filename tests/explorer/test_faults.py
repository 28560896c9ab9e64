"""Errors of callbacks: said once in the page, logged, and nothing else is disturbed."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from explorer import faults
from explorer.faults import guarded, sentence, watch
from explorer.pace import Pace


class Shell:
    """A shell that notes what it shows."""

    def __init__(self) -> None:
        self.shown: list[BaseException | None] = []
        self.parent_header = {"header": {"msg_type": "comm_msg"}}

    def showtraceback(self, *_: Any) -> None:
        self.shown.append(sys.exc_info()[1])

    def run(self) -> None:
        """Do what ipywidgets does with a callback that fails."""
        try:
            _ = 1 / 0
        except ZeroDivisionError:
            self.showtraceback()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    made = Shell()
    monkeypatch.setattr(faults, "get_ipython", lambda: made)
    monkeypatch.setattr(faults, "_sayers", [])
    return made


def test_a_callbacks_error_is_said_and_shown_as_before(
    shell: Shell, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("a kernel's")
    monkeypatch.setattr(faults.traitlets.log, "get_logger", lambda: logger)
    said: list[str] = []
    ends = [watch(lambda problem: said.append(problem)) for _ in "ab"]
    shell.run()
    assert said == [sentence(ZeroDivisionError())] * 2
    assert len(shell.shown) == 1
    assert "ZeroDivisionError: division by zero" in caplog.text
    ends[0]()
    ends[0]()
    shell.run()
    assert len(said) == 3
    ends[1]()
    shell.run()
    assert len(said) == 3


def test_a_cells_error_is_only_shown(shell: Shell) -> None:
    said: list[str] = []
    watch(said.append)
    shell.parent_header = {"header": {"msg_type": "execute_request"}}
    shell.run()
    assert (said, len(shell.shown)) == ([], 1)


def test_the_sentence_tells_nothing_of_the_server() -> None:
    assert "/srv" not in sentence(OSError(2, "no such file", "/srv/secret"))


def test_what_the_loop_calls_is_said_and_what_is_not_ours_is_left_to_others(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[dict[str, Any]] = []
    said: list[str] = []
    monkeypatch.setattr(faults.traitlets.log, "get_logger", lambda: SimpleNamespace(error=len_of))

    def fail(*_: Any) -> None:
        raise KeyError("x")

    async def scene() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: others.append(context))
        watch(said.append)
        guarded(fail)
        pace: Pace[int, int] = Pace(lambda question: question, fail, pause_s=0)
        pace.ask(1)
        while len(said) < 2:
            await asyncio.sleep(0.01)
        loop.call_soon(fail)
        await asyncio.sleep(0.05)

    asyncio.run(scene())
    assert said == [sentence(KeyError())] * 2
    assert [type(context["exception"]) for context in others] == [KeyError]


def len_of(*_: Any, **__: Any) -> None:
    """Log nothing."""


def test_without_a_loop_the_caller_gets_the_error() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded(lambda: 1 / 0)
