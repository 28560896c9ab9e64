"""A study: cells of runs, and what the runs of a cell come to."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.spec import RunSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One setting, run over seeds or folds.

    Args:
        graph: The graph or set.
        model: The network, in words.
        scheme: The scheme and its width, in words.
        runs: What is run.
        published: Accuracies that others state for it, each with where it comes from.
        section: Heading of its table; the graph where empty.
    """

    graph: str
    model: str
    scheme: str
    runs: tuple[RunSpec, ...]
    published: str = ""
    section: str = ""

    @property
    def heading(self) -> str:
        """The heading of its table."""
        return self.section or self.graph


def _nothing(rows: Sequence[Row]) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Study:
    """Cells that are shown in one table.

    Args:
        name: Its name, of the command and the files.
        title: What it shows.
        notes: How it was done, a sentence each.
        cells: In the order of the table.
        closing: Makes what the rows come to in sentences.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    cells: tuple[Cell, ...]
    closing: Callable[[Sequence[Row]], tuple[str, ...]] = _nothing


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What a table needs to know of one run.

    Args:
        key: The run's.
        seed: Its seed.
        accuracy: Of the integer path on the test units, 0 to 1.
        validation: The same on the validation units.
        max_code_difference: Largest difference of a code from the simulation's.
        codes_different: Share of codes that differ.
        same_class: Share of units in the simulation's class.
        model_bytes: Packed weights, scales and zero points.
        latency_ratio: Time of the strongest float32 forward over that of the integers.
        epoch_ms: The median epoch.
    """

    key: str
    seed: int
    accuracy: float
    validation: float
    max_code_difference: int
    codes_different: float
    same_class: float
    model_bytes: int
    latency_ratio: float
    epoch_ms: float

    @classmethod
    def of(cls, spec: RunSpec, metrics: Mapping[str, Any]) -> Measured:
        """Return what a run's metrics say of it."""
        agreement, latency = metrics["agreement"], metrics["latency"]
        return cls(
            key=spec.key,
            seed=spec.seed,
            accuracy=metrics["accuracy"]["integer"],
            validation=metrics["accuracy"]["validation"],
            max_code_difference=agreement["max_code_difference"],
            codes_different=agreement["codes_different"],
            same_class=agreement["same_class"],
            model_bytes=metrics["size"]["model_bytes"],
            latency_ratio=latency["float_ms"] / latency["integer_ms"],
            epoch_ms=metrics["epoch_ms"],
        )


@dataclass(frozen=True, slots=True)
class Row:
    """What the runs of a cell came to.

    Args:
        cell: The cell.
        measured: What one or more of its runs came to.
    """

    cell: Cell
    measured: tuple[Measured, ...]

    @property
    def accuracy(self) -> float:
        """Mean accuracy of the integer path on the test units, 0 to 1."""
        return statistics.fmean(held.accuracy for held in self.measured)

    @property
    def sd(self) -> float:
        """Its sample standard deviation over runs; 0 for a single run."""
        accuracies = [held.accuracy for held in self.measured]
        return statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0

    @property
    def validation(self) -> float:
        """Mean accuracy on the validation units."""
        return statistics.fmean(held.validation for held in self.measured)

    @property
    def max_code_difference(self) -> int:
        """Largest difference of a code from the simulation's, of all runs."""
        return max(held.max_code_difference for held in self.measured)

    @property
    def codes_different(self) -> float:
        """Largest share of codes that differ, of all runs."""
        return max(held.codes_different for held in self.measured)

    @property
    def same_class(self) -> float:
        """Smallest share of units in the simulation's class, of all runs."""
        return min(held.same_class for held in self.measured)

    @property
    def model_bytes(self) -> int:
        """Packed weights, scales and zero points; the median run's."""
        return int(statistics.median(held.model_bytes for held in self.measured))

    @property
    def latency_ratio(self) -> float:
        """Time of the strongest float32 forward over that of the integers; the median."""
        return statistics.median(held.latency_ratio for held in self.measured)
