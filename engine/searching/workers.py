"""Executors that carry out runs: processes of this machine."""

from __future__ import annotations

from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context


def processes(count: int) -> Executor:
    """Open a number of processes; each starts fresh, since torch does not outlive a fork.

    Args:
        count: How many.
    """
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))
