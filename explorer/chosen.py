"""The nodes or graphs that all views follow: a band of degrees, a class, a box of points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer import SparseIntArray
from explorer.figures.degree_axis import places, span
from explorer.figures.focus import Focus
from explorer.shown import Shown
from explorer.slots import is_of_graphs

Mask = NDArray[np.bool_]

TENTH = 0.1
FEW = 3
"""Numbers picked that are listed in a title."""


class Choice(ABC):
    """A rule that says which nodes, or graphs of a set, are looked at."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What is chosen, in a few words."""

    @abstractmethod
    def units(self, shown: Shown) -> Mask | None:
        """Return which of what is predicted are chosen, [U]; None where the rule is of others."""

    def nodes(self, shown: Shown) -> Mask:
        """Return which of the measured nodes are chosen, [N]: those of a chosen graph, of a set."""
        units = self.units(shown)
        assert units is not None
        graph = shown.measured
        return np.asarray(units[graph.graph_of_node] if graph.is_set else units)


@dataclass(frozen=True, slots=True)
class Degrees(Choice):
    """Nodes by in-degree.

    Args:
        low: Smallest.
        high: Largest.
    """

    low: int
    high: int

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        return f"in-degree {span(self.low, self.high)}"

    def nodes(self, shown: Shown) -> Mask:
        """Return which of the measured nodes are chosen, [N]."""
        return _within(shown.measured.in_degree, self.low, self.high)

    def units(self, shown: Shown) -> Mask | None:
        """Return which of the predicted nodes are chosen, [U]; None where graphs are predicted."""
        return None if shown.measured.is_set else self.nodes(shown)


@dataclass(frozen=True, slots=True)
class Sizes(Choice):
    """Graphs of a set by their numbers of nodes.

    Args:
        low: Smallest.
        high: Largest.
    """

    low: int
    high: int

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        return f"graphs of {span(self.low, self.high)} nodes"

    def units(self, shown: Shown) -> Mask:
        """Return which graphs are chosen, [G]."""
        return _within(shown.sizes, self.low, self.high)


@dataclass(frozen=True, slots=True)
class OfClass(Choice):
    """What has a label.

    Args:
        label: The class.
    """

    label: int

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        return f"class {self.label}"

    def units(self, shown: Shown) -> Mask:
        """Return which are chosen, [U]."""
        return np.asarray(shown.measured.y == self.label)


@dataclass(frozen=True, slots=True)
class Flips(Choice):
    """What has another class in integers than in float, whatever is shown."""

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        return "class flips"

    def units(self, shown: Shown) -> Mask:
        """Return which are chosen, [U]."""
        return np.asarray(shown.analysis.study.trace.classes != shown.analysis.trace.classes)


@dataclass(frozen=True, slots=True)
class Picked(Choice):
    """What was picked one by one, or by a box around it.

    Args:
        numbers: Of nodes, or of graphs.
        of_graphs: Which of the two.
    """

    numbers: tuple[int, ...]
    of_graphs: bool = False

    @property
    def title(self) -> str:
        """What is chosen, in a few words."""
        one = "graph" if self.of_graphs else "node"
        count = len(self.numbers)
        if count > FEW:
            return f"{count:,} {one}s in a box"
        return f"{one}{'s' * (count > 1)} {', '.join(map(str, self.numbers))}"

    def nodes(self, shown: Shown) -> Mask:
        """Return which of the measured nodes are chosen, [N]."""
        if self.of_graphs:
            return Choice.nodes(self, shown)
        return self._among(shown.measured.nodes)

    def units(self, shown: Shown) -> Mask | None:
        """Return which of what is predicted are chosen, [U]; None where the rule is of others."""
        if self.of_graphs == shown.measured.is_set:
            return self._among(shown.measured.units)
        return None

    def _among(self, count: int) -> Mask:
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[[number for number in self.numbers if number < count]] = True
        return chosen


def band(counts: NDArray[Any], box: dict[str, Any]) -> tuple[int, int] | None:
    """Return the smallest and the largest count that a box on their axis holds, if any.

    Args:
        counts: In-degrees or sizes, [N].
        box: What `PlotlyView.selected` says of it.
    """
    if "x" not in box:
        return None
    spots = places(counts)
    held = counts[(spots >= min(box["x"])) & (spots <= max(box["x"]))]
    return (int(held.min()), int(held.max())) if held.size else None


def inside(box: dict[str, Any], x: NDArray[Any], y: NDArray[Any]) -> Mask:
    """Return which points a box holds, [N].

    Args:
        box: What `PlotlyView.selected` says of it, with both axes.
        x: Across, [N].
        y: Up, [N].
    """
    (left, right), (low, high) = box["x"], box["y"]
    return np.asarray((left <= x) & (x <= right) & (low <= y) & (y <= high))


def focus(choice: Choice | None, shown: Shown, *, of_graphs: bool) -> Focus | None:
    """Return a choice as a chart of nodes, or of graphs, draws it; None where it says nothing.

    Args:
        choice: The choice, or None.
        shown: What is shown.
        of_graphs: Whether the chart is one of a set's graphs.
    """
    if choice is None:
        return None
    among = choice.units(shown) if of_graphs else choice.nodes(shown)
    if among is None:
        return None
    by_count = isinstance(choice, Sizes if of_graphs else Degrees)
    ends = (choice.low, choice.high) if by_count and isinstance(choice, Degrees | Sizes) else None
    return Focus(choice.title, among, ends)


def rows_of(choice: Choice, shown: Shown, layer: int, slot: str) -> Mask | None:
    """Return which rows of a slot's codes are of what is chosen; None where it has none of each.

    Args:
        choice: The choice.
        shown: What is shown.
        layer: The layer's index.
        slot: The slot.
    """
    if slot not in shown.layers[layer].rows:
        return None
    of_graphs = is_of_graphs(shown.layers, layer, slot)
    among = choice.units(shown) if of_graphs else choice.nodes(shown)
    held = shown.analysis.trace.value(layer, slot)
    if among is not None and isinstance(held, SparseIntArray):
        return np.repeat(among, np.diff(held.places.rowptr))
    return among


def suggestions(shown: Shown) -> list[tuple[str, Choice]]:
    """Return what is worth looking at in anything, with its title: hubs, leaves, flips, classes."""
    graph = shown.measured
    degree = graph.in_degree
    offered: list[tuple[str, Choice]] = []
    if degree.size and degree.min() < degree.max():
        low, high = (int(np.quantile(degree, share)) for share in (TENTH, 1 - TENTH))
        hubs, leaves = Degrees(high, int(degree.max())), Degrees(int(degree.min()), low)
        offered += [(f"Hubs: {hubs.title}", hubs), (f"Leaves: {leaves.title}", leaves)]
    if graph.targets is None:
        classes = [OfClass(label) for label in range(graph.outputs)]
        offered += [(each.title.capitalize(), each) for each in (Flips(), *classes)]
    return offered


def _within(counts: NDArray[Any], low: int, high: int) -> Mask:
    return np.asarray((counts >= low) & (counts <= high))
