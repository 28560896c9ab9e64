"""Rivals that compute the same thing, timed in turn."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.bench.machine import busy_s

PAUSE_S = 0.005
"""Sleep between two rivals: threads of the one before spin for a moment before they rest."""


OTHERS = ("torch", "pyg", "loops")
"""Torch and, of products, ONNX Runtime; PyTorch Geometric's default; our loops on wide numbers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rival:
    """One way to compute something.

    Args:
        name: What it is called.
        run: Computes it once.
        operations: Multiply-adds of a run.
        bytes_moved: Bytes that it must read and write, each gathered row as often as it is
            gathered, as if there were no cache; None where nobody knows.
    """

    name: str
    run: Callable[[], object]
    operations: int
    bytes_moved: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How much is measured.

    Args:
        rounds: Most times each rival is run.
        budget_s: A rival that took its share of these seconds is left out of further rounds.
        against: Whom we race, of `OTHERS`; none leaves out all others, and torch is not loaded.
    """

    rounds: int = 9
    budget_s: float = 60
    against: tuple[str, ...] = OTHERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A rival's times.

    Args:
        rival: The rival.
        times_ms: Its runs, in order, the first one left out.
    """

    rival: Rival
    times_ms: tuple[float, ...]

    @property
    def median_ms(self) -> float:
        """The median run."""
        return statistics.median(self.times_ms)

    def numbers(self, against: Result, gb_per_s: float) -> dict[str, Any]:
        """Return what is reported of it.

        Args:
            against: The rival that ratios are over; above 1 this one is faster.
            gb_per_s: Bandwidth of memory.
        """
        moved, per_s = self.rival.bytes_moved, 1000 / self.median_ms
        rate = None if moved is None else moved * per_s / 1e9
        return {
            "name": self.rival.name,
            "median_ms": self.median_ms,
            "best_ms": min(self.times_ms),
            "rounds": len(self.times_ms),
            "ratio": against.median_ms / self.median_ms,
            "ratio_of_best": min(against.times_ms) / min(self.times_ms),
            "bytes_moved": moved,
            "gb_per_s": rate,
            "of_bandwidth": None if rate is None else rate / gb_per_s,
            "operations": self.rival.operations,
            "giga_operations_per_s": self.rival.operations * per_s / 1e9,
        }


def race(rivals: Sequence[Rival], effort: Effort) -> tuple[list[Result], float | None]:
    """Return each rival's times, all measured in turn after a warm-up.

    Args:
        rivals: The rivals.
        effort: How often.

    Returns:
        The results, and the share of the machine's processors that other processes took meanwhile;
        None where the system does not say.
    """
    for rival in rivals:
        rival.run()
    times: list[list[float]] = [[] for _ in rivals]
    share_ms = 1000 * effort.budget_s / len(rivals)
    begin, own, all_of_them = time.perf_counter(), time.process_time(), busy_s()
    for _ in range(effort.rounds):
        for rival, of_rival in zip(rivals, times, strict=True):
            if sum(of_rival) < share_ms:
                time.sleep(PAUSE_S)
                start = time.perf_counter()
                rival.run()
                of_rival.append(1000 * (time.perf_counter() - start))
    elapsed, own, now = time.perf_counter() - begin, time.process_time() - own, busy_s()
    others = None
    if now is not None and all_of_them is not None:
        others = max(now - all_of_them - own, 0.0) / (elapsed * (os.cpu_count() or 1))
    results = [
        Result(rival=rival, times_ms=tuple(of_rival))
        for rival, of_rival in zip(rivals, times, strict=True)
    ]
    return results, others
