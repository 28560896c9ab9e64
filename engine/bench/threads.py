"""As many threads for every rival."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module

import numba

from engine.integer.kernels.threads import most_threads, using_threads

LONG_S = 0.5
"""A run that takes longer is tried once only."""


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Let our kernels, Numba's loops and, where it is loaded, torch use as many threads.

    Numba's pool is launched first: both may share one OpenMP, whose threads a launch sets for both.

    Args:
        count: Threads; None for as many as Numba has.

    Yields:
        How many.

    Raises:
        ValueError: If Numba has fewer.
    """
    outer, most = numba.get_num_threads(), most_threads()
    if count is not None and not 1 <= count <= most:
        raise ValueError(f"{count} threads, wanted 1 to {most}")
    chosen = outer if count is None else count
    import_module("numba.np.ufunc.parallel")._launch_threads()
    torch = sys.modules.get("torch")
    torch_outer = torch.get_num_threads() if torch else 0
    numba.set_num_threads(chosen)
    if torch:
        torch.set_num_threads(chosen)
    try:
        with using_threads(chosen):
            yield chosen
    finally:
        numba.set_num_threads(outer)
        if torch:
            torch.set_num_threads(torch_outer)


def fastest(*runs: Callable[[], object], rounds: int = 5) -> Callable[[], object]:
    """Return the fastest of torch's runs, of each also what one thread alone does.

    Args:
        runs: What torch computes.
        rounds: Times each is tried each way.
    """
    import torch

    most = torch.get_num_threads()
    ways = list(runs)
    if most > 1:
        ways += [_alone(run, most) for run in runs]
    best_s = [float("inf")] * len(ways)
    for way in ways:
        way()
    for _ in range(rounds if len(ways) > 1 else 0):
        for index, way in enumerate(ways):
            if best_s[index] < LONG_S or best_s[index] == float("inf"):
                start = time.perf_counter()
                way()
                best_s[index] = min(best_s[index], time.perf_counter() - start)
    return ways[best_s.index(min(best_s))]


def _alone(run: Callable[[], object], most: int) -> Callable[[], object]:
    """Return what one thread of torch's does, and as many as before afterwards."""
    import torch

    def alone() -> object:
        torch.set_num_threads(1)
        try:
            return run()
        finally:
            torch.set_num_threads(most)

    return alone
