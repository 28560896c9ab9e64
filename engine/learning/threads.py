"""How many threads torch's operations use: one where the work is small."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from engine.learning.features import Features

SMALL = 4_000_000
"""Multiply-adds of a forward below which threads wait for each other longer than they work."""


def forward_operations(x: Features, edges: int, hidden: int, layers: int) -> int:
    """Return about how many multiply-adds a forward of the whole graph takes.

    Args:
        x: Features, [N, F].
        edges: Edges aggregated over.
        hidden: Features of a hidden layer.
        layers: Number of layers.
    """
    nodes = x.shape[0]
    entries = x.numel()
    return entries * hidden + (layers - 1) * nodes * hidden**2 + layers * edges * hidden


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
