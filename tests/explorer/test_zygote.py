"""Copies of a process: what they are, how they end, and what follows when there is none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.spec import float_twin
from explorer.packaged import python_path
from explorer.precompute import recipes
from explorer.presets import DEFAULT
from explorer.zygote import Copy, NoCopy, Zygote, expected

pytestmark = pytest.mark.skipif(not Zygote.is_possible(), reason="this system has no pidfd")

STAND_IN = """
import os, socket, sys, time
from pathlib import Path
from explorer.zygote import READY, copied
channel = socket.socket(fileno=int(sys.argv[1]))
channel.send(READY)
order = copied(channel)
if order is not None:
    Path(order["folder"], "born").write_text(order["environment"]["NAME"] + str(order["command"]))
    time.sleep(600)
"""
"""A zygote that loads nothing, and whose copies only say that they are there."""


def until(condition: Callable[[], object], within_s: float = 30.0) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


@pytest.fixture
def zygote(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zygote]:
    monkeypatch.setenv("PYTHONPATH", python_path())
    with Zygote((sys.executable, "-c", STAND_IN)) as zygote:
        yield zygote


def test_a_copy_gets_its_order_and_ends_when_told(zygote: Zygote, tmp_path: Path) -> None:
    first = zygote.copy(["kernel"], {"NAME": "one"}, str(tmp_path))
    until((tmp_path / "born").exists)
    until(lambda: (tmp_path / "born").read_text() == "one['kernel']")
    second = zygote.copy([], {"NAME": "two"}, str(tmp_path))
    assert first.pid != second.pid
    assert first.poll() is None
    first.terminate()
    assert first.wait() == first.poll() == 0
    assert second.poll() is None
    with pytest.raises(ProcessLookupError):
        first.kill()
    second.kill()
    assert second.wait() == 0


def test_a_zygote_that_died_is_replaced(zygote: Zygote, tmp_path: Path) -> None:
    assert zygote._process is not None
    before = zygote._process.pid
    os.kill(before, signal.SIGKILL)
    copy = zygote.copy([], {"NAME": "after"}, str(tmp_path))
    assert zygote._process.pid != before
    assert copy.poll() is None
    copy.kill()


def test_there_is_no_copy_of_what_does_not_start(tmp_path: Path) -> None:
    with (
        Zygote((sys.executable, "-c", "pass")) as zygote,
        pytest.raises(NoCopy, match="no kernel could be copied"),
    ):
        zygote.copy([], {}, str(tmp_path))


def test_what_has_ended_already_is_no_copy() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    with pytest.raises(ProcessLookupError):
        Copy(process.pid)


def test_what_is_loaded_beforehand_can_be_shown_at_once() -> None:
    """All of it is shipped, or previewed from a float model that is."""
    wanted = expected()
    assert DEFAULT in wanted
    assert {float_twin(recipe).key for recipe in wanted} <= {recipe.key for recipe in recipes()}
