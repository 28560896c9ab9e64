"""Forwards timed in turn, so that a slower minute of the machine is all theirs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median_ms(
    *forwards: Callable[[], object], rounds: int = 15, budget_s: float = 2.0
) -> list[float]:
    """Return each forward's median time in milliseconds, all measured in turn after a warm-up.

    Args:
        forwards: What to time.
        rounds: Most times each is run.
        budget_s: No further round begins after this many seconds.
    """
    for forward in forwards:
        forward()
    times: list[list[float]] = [[] for _ in forwards]
    start = time.perf_counter()
    for _ in range(rounds):
        for forward, of_forward in zip(forwards, times, strict=True):
            before = time.perf_counter()
            forward()
            of_forward.append(1000 * (time.perf_counter() - before))
        if time.perf_counter() - start > budget_s:
            break
    return [statistics.median(of_forward) for of_forward in times]
