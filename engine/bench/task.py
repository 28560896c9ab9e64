"""A race as it is asked for, and how its cost grows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from engine.bench.aggregation import bench_aggregation
from engine.bench.case import GraphCase
from engine.bench.inference import bench_inference
from engine.bench.machine import Machine, machine
from engine.bench.product import WIDTHS, bench_product
from engine.bench.race import Effort
from engine.bench.report import Report
from engine.bench.threads import threads
from engine.graphs.catalogue import HUBS_NODES
from engine.integer.kernels.threads import most_threads
from engine.spec import GraphSpec, ModelSpec, SpecError

Kind = Literal["aggregation", "product", "inference"]
Sweep = Literal["nodes", "degree", "features", "bits", "threads"]

PRODUCT_ROWS = 50_000
"""Rows of a product where none are asked for."""

HALVINGS = 4
"""Sizes that a sweep goes through: each twice the one before, the last as asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One race.

    Args:
        kind: What is measured.
        graph: The graph; ``hubs`` is made in memory. A product has as many rows as its nodes.
        model: The network.
        degree: Mean degree of ``hubs``; None for its default.
        features: Features of ``hubs`` or of a product; None for the default.
        classes: Scores of a node; None for the graph's classes.
        bits: Widths of the codes, with those of the weights; of networks both are one.
        threads: Threads of every rival; None for all.
        effort: How often each rival is run.
        profile: Whether each stage of our programs is timed as well.
        folder: Where public graphs are kept.
    """

    kind: Kind
    graph: GraphSpec
    model: ModelSpec
    degree: float | None = None
    features: int | None = None
    classes: int | None = None
    bits: tuple[tuple[int, int], ...] | None = None
    threads: int | None = None
    effort: Effort = field(default_factory=Effort)
    profile: bool = False
    folder: Path | None = None

    def run(self) -> Report:
        """Return the report.

        Raises:
            ValueError: If what is asked for cannot be.
            OSError: If the graph cannot be read.
        """
        if self.effort.against:
            import torch  # noqa: F401  so that its threads are set with Numba's
        with threads(self.threads) as count:
            return self._report(machine(count))

    @property
    def nodes(self) -> int:
        """Nodes of ``hubs``, or rows of a product."""
        return self.graph.nodes or (PRODUCT_ROWS if self.kind == "product" else HUBS_NODES)

    def _report(self, on: Machine) -> Report:
        if self.kind == "product":
            features, hidden = self.features or 128, self.model.hidden
            widths = self.bits or WIDTHS
            return bench_product(self.nodes, features, hidden, on, self.effort, bits=widths)
        case = GraphCase(
            spec=self.graph, degree=self.degree, features=self.features, folder=self.folder
        )
        bits = [width for width, _ in self.bits or ((8, 8), (4, 4), (2, 2))]
        if self.kind == "aggregation":
            return bench_aggregation(case, self.model, on, self.effort, bits=bits)
        return bench_inference(
            case,
            self.model,
            on,
            self.effort,
            classes=self.classes,
            bits=bits,
            profiled=self.profile,
        )


def grown(task: Task, by: Sweep) -> Iterator[Report]:
    """Yield the reports of a task as one of its sizes doubles up to what it asks for.

    Args:
        task: The task.
        by: What grows; with ``features`` the hidden features grow too.

    Raises:
        SpecError: If the task has no such size.
    """
    made = task.graph.name == "hubs"
    if by in ("nodes", "degree", "features") and not (made or task.kind == "product"):
        raise SpecError("sweep", by, f"bits or threads, on {task.graph.name}")
    if by == "degree" and task.kind == "product":
        raise SpecError("sweep", by, "nodes, features, bits or threads: a product has no edges")
    for step in reversed(range(HALVINGS)):
        share = 2.0**-step
        match by:
            case "nodes":
                nodes = round(share * task.nodes)
                yield replace(task, graph=replace(task.graph, nodes=nodes)).run()
            case "degree":
                yield replace(task, degree=share * (task.degree or 10)).run()
            case "features":
                features = round(share * (task.features or 128))
                hidden = replace(task.model, hidden=max(round(share * task.model.hidden), 1))
                yield replace(task, features=features, model=hidden).run()
            case _:
                break
    if by == "bits":
        yield replace(task, bits=tuple((bits, bits) for bits in (2, 4, 8, 16))).run()
    if by == "threads":
        most = task.threads or most_threads()
        counts = sorted({most, *(2**power for power in range(most.bit_length()))})
        for count in (count for count in counts if count <= most):
            yield replace(task, threads=count).run()
