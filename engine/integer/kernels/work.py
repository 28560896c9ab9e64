"""What a kernel is once its operands are known: a routine, and parts that any thread may do.

Threads take parts one by one until none is left; none is assigned to a thread beforehand. So a
thread that the machine takes away for a while, or wakes late, is waited for only if it holds a
part: on a busy machine, loops that gave each thread its share were measured to wait a hundred times
longer than they worked. A work begins when the one before it is done, and no Python comes between.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import free
from engine.integer.kernels.memory import aligned
from engine.integer.kernels.threads import thread_count
from engine.integer.kernels.told import Told, told
from engine.integer.kernels.vectors import (
    add_atomically,
    call,
    call_bare,
    element,
    load_atomically,
)

LINE = 8
"""Numbers of a line of cache: counters that threads share have one each."""

PATIENCE = 4096
"""Looks at a counter, some tens of microseconds, before a waiting thread lets others run."""

u = np.uintp


class Work(NamedTuple):
    """A routine, called with the address of its operands, a part, and the address of a scratch.

    Args:
        address: Of the routine.
        operands: What it is told.
        parts: How often it is to be called, with 0, 1, ...; each writes what no other part does.
        scratch_bytes: Memory that a call may overwrite; it holds anything.
    """

    address: int
    operands: Told
    parts: int
    scratch_bytes: int


def work(address: int, parts: int, scratch_bytes: int, *operands: Any) -> Work:
    """Return a work that is told some operands, as `told` takes them."""
    return Work(address, told(*operands), parts, scratch_bytes)


class Tape:
    """Works in order, to be done again and again; several Python threads may do so at once.

    Args:
        works: The works.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = tuple(works)
        rows = [(w.address, w.operands.address, w.parts) for w in self.works]
        self._calls: NDArray[np.int64] = np.array(rows, np.int64).reshape(-1, 3)
        self._scratch_bytes = max((w.scratch_bytes for w in self.works), default=0)
        self._most = max((w.parts for w in self.works), default=0)

    def play(self, threads: int) -> None:
        """Do the works, with the help of other threads as they come."""
        control = np.zeros((self._calls.shape[0], 2 * LINE), np.int64)
        for _ in range(min(threads, self._most) - 1):
            _crew().submit(self._take, control)
        self._take(control)

    def _take(self, control: NDArray[np.int64]) -> None:
        """Take parts until all are done; who comes late has nothing left to do."""
        scratch = _scratch(self._scratch_bytes)
        places = self._calls.ctypes.data, self._calls.shape[0], control.ctypes.data
        _take_parts(*places, scratch.ctypes.data, _yielder())


def perform(works: Sequence[Work]) -> None:
    """Do works now."""
    Tape(works).play(thread_count())


def performed(kernel: Callable[..., Sequence[Work]]) -> Callable[..., None]:
    """Return a kernel that does its works at once."""

    def run(*operands: Any) -> None:
        perform(kernel(*operands))

    return run


@free
def _take_parts(calls: int, count: int, control: int, scratch: int, yielder: int) -> None:
    number = np.int64(0)
    for index in range(count):
        address = element(number, u(calls), u(3 * index))
        operands = element(number, u(calls), u(3 * index + 1))
        parts = element(number, u(calls), u(3 * index + 2))
        taken = u(control + 16 * LINE * index)
        done = taken + u(8 * LINE)
        part = add_atomically(taken, 1)
        while part < parts:
            call(address, (operands, part, scratch))
            add_atomically(done, 1)
            part = add_atomically(taken, 1)
        looks = 0
        while load_atomically(done) < parts:
            looks += 1
            if looks > PATIENCE:
                call_bare(yielder)


_own = threading.local()


def _scratch(size_bytes: int) -> NDArray[np.uint8]:
    """Return memory of this thread's own."""
    held: NDArray[np.uint8] | None = getattr(_own, "scratch", None)
    if held is None or held.size < size_bytes:
        held = _own.scratch = aligned(size_bytes)
    return held


@cache
def _crew() -> ThreadPoolExecutor:
    """Return the threads that help."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="kernels")


@cache
def _yielder() -> int:
    """Return the address of what lets other threads of the machine run."""
    windows = sys.platform == "win32"
    library: Any = ctypes.WinDLL("kernel32") if windows else ctypes.CDLL(None)  # type: ignore[attr-defined]
    function = library.SwitchToThread if windows else library.sched_yield
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
