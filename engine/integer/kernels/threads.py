"""How many threads do a kernel's work.

As many as Numba is told of (``NUMBA_NUM_THREADS``, else the machine's processors), though none are
of Numba's pool: it would be launched for the asking, and a process with it cannot be copied.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numba
from numba.core.config import reload_config

_chosen: ContextVar[int | None] = ContextVar("chosen", default=None)


def thread_count() -> int:
    """Return how many threads do a kernel's work, this one among them."""
    return _chosen.get() or most_threads()


def most_threads() -> int:
    """Return how many do where nothing else is asked for."""
    config: Any = numba.config
    most: int = config.NUMBA_NUM_THREADS
    return most


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Have kernels called here use as many threads.

    Args:
        count: Threads, one or more; there need not be as many processors.
    """
    outer = _chosen.set(count)
    try:
        yield
    finally:
        _chosen.reset(outer)


def go_by_environment() -> None:
    """Have Numba read its variables again, in a process whose environment was replaced."""
    reload_config()  # type: ignore[no-untyped-call]
