"""How many threads torch's operations use: one where the work is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

SMALL = 4_000_000
"""Multiply-adds of a forward below which threads wait for each other longer than they work."""


@contextmanager
def threads_for(operations: int) -> Iterator[int]:
    """Let torch use one thread for a small forward, and say how many it uses.

    Args:
        operations: Multiply-adds of a forward.
    """
    outer = torch.get_num_threads()
    chosen = 1 if operations < SMALL else outer
    torch.set_num_threads(chosen)
    try:
        yield chosen
    finally:
        torch.set_num_threads(outer)
