"""A graph or a part of a set on a device: what one forward reads."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.features import Features, features


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A graph or set on a device.

    Args:
        x: Features of the nodes.
        adjacencies: Edges between them.
        y: Labels of the units, the nodes or the graphs of a set: classes, [U], or targets, [U, T].
        train: Units to learn from, by number.
        validation: Units to choose the epoch by.
        test: Units to measure the result on.
    """

    x: Features
    adjacencies: Adjacencies
    y: Tensor
    train: Tensor
    validation: Tensor
    test: Tensor

    @classmethod
    def of(cls, graph: Graph, device: torch.device | str = "cpu") -> Batch:
        """Return a graph or set on a device, its split as numbers of units."""

        def units(mask: NDArray[np.bool_]) -> Tensor:
            return torch.from_numpy(mask).nonzero().squeeze(1).to(device)

        return cls(
            features(graph.x, device),
            Adjacencies(Neighbourhoods(graph), device),
            torch.from_numpy(graph.labels).to(device),
            units(graph.train),
            units(graph.val),
            units(graph.test),
        )

    @property
    def neighbourhoods(self) -> Neighbourhoods:
        """The graph's edges as the integer wing takes them."""
        return self.adjacencies.neighbourhoods

    def double(self) -> Batch:
        """Return the same graph in float64."""
        x = self.x.double() if isinstance(self.x, Tensor) else self.x.map(Tensor.double)
        return replace(self, x=x, adjacencies=self.adjacencies.double())
