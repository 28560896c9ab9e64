"""What an epoch is fed with: a whole graph in one step, or a set of graphs in mini-batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import torch

from engine.graphs import Graph, GraphError, subset
from engine.learning.batch import Batch
from engine.learning.protection import DegreeProtection
from engine.spec import Protection

Step = tuple[Batch, DegreeProtection]
"""What one optimizer step learns from, and which of its nodes may be protected."""


class Feed(ABC):
    """What an epoch learns from, and what it is judged by."""

    judged: Batch

    @property
    @abstractmethod
    def protects(self) -> bool:
        """Whether some nodes may stay in float."""

    @abstractmethod
    def steps(self, generator: torch.Generator) -> Iterator[Step]:
        """Yield each step of an epoch."""

    @abstractmethod
    def learned(self) -> Iterator[Batch]:
        """Yield what an epoch learns from, each part once and each a fair sample of all."""


class WholeGraph(Feed):
    """A single graph, every step on all of it.

    Args:
        batch: The graph; it is judged by its own validation nodes.
        protection: Draws the masks of each step.
    """

    def __init__(self, batch: Batch, protection: DegreeProtection) -> None:
        self.judged = batch
        self._protection = protection

    @property
    def protects(self) -> bool:
        """Whether some nodes may stay in float."""
        return self._protection.probability is not None

    def steps(self, generator: torch.Generator) -> Iterator[Step]:
        """Yield the graph, once."""
        yield self.judged, self._protection

    def learned(self) -> Iterator[Batch]:
        """Yield the graph."""
        yield self.judged


class MiniBatches(Feed):
    """The training graphs of a set, shuffled anew each epoch.

    Args:
        graph: The set.
        protection: Degree protection, by each graph's own in-degrees.
        size: Graphs in a step.
        device: Where to.

    Raises:
        GraphError: If the set has no graph to learn from, or none to choose the epoch by.
    """

    def __init__(
        self,
        graph: Graph,
        protection: Protection,
        size: int,
        device: torch.device | str = "cpu",
    ) -> None:
        if not graph.train.any() or not graph.val.any():
            raise GraphError(f"{graph.name} has no graphs for training, or none for validation")
        self.judged = Batch.of(subset(graph, graph.val), device)
        self._learned = np.flatnonzero(graph.train)
        self._graph, self._protection = graph, protection
        self._size, self._device = size, device

    @property
    def protects(self) -> bool:
        """Whether some nodes may stay in float."""
        return not self._protection.is_off

    def steps(self, generator: torch.Generator) -> Iterator[Step]:
        """Yield the graphs of each step, side by side."""
        order = torch.randperm(len(self._learned), generator=generator).numpy()
        for first in range(0, len(order), self._size):
            part = subset(self._graph, self._learned[order[first : first + self._size]])
            protection = DegreeProtection(part, self._protection, self._device)
            yield Batch.of(part, self._device), protection

    def learned(self) -> Iterator[Batch]:
        """Yield the graphs in steps, in an order that is always the same and nobody's own."""
        order = np.random.default_rng(0).permutation(self._learned)  # sets come class by class
        for first in range(0, len(order), self._size):
            yield Batch.of(subset(self._graph, order[first : first + self._size]), self._device)


def feed_of(graph: Graph, batch: Batch, protection: Protection, size: int) -> Feed:
    """Return what an epoch on a graph or set learns from.

    Args:
        graph: The graph or set.
        batch: The same graph on its device; of no account for a set.
        protection: Degree protection.
        size: Graphs in a step, of a set.

    Raises:
        GraphError: If a set has no graph to learn from, or none to choose the epoch by.
    """
    if graph.is_set:
        return MiniBatches(graph, protection, size)
    return WholeGraph(batch, DegreeProtection(graph, protection))
