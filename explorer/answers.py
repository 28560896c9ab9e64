"""Finds what can be shown for a recipe: its run, else a preview of it, else what either needs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.analysis import PROGRAM, REFERENCE, Study
from engine.graphs.catalogue import PUBLIC, PUBLIC_SETS, GraphNotFound, load_graph
from engine.graphs.graph import Graph
from engine.graphs.neighbours import Neighbourhoods
from engine.graphs.parts import calibration_part, measured_part
from engine.graphs.task import check_task
from engine.integer import Program, read
from engine.metrics.pairs import Pairs, pairs
from engine.runs import Run, RunStore
from engine.spec import GraphSpec, RunSpec, float_twin
from explorer.shown import Shown

KEPT = 6
"""Graphs, and analysed networks, that are kept ready."""

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class NeedsGraph:
    """The graph is public and was never fetched."""

    graph: GraphSpec


@dataclass(frozen=True, slots=True, eq=False)
class NeedsFloat:
    """There is no float run of this graph and network to preview from.

    Args:
        recipe: The float run's recipe.
        graph: The graph, which is there.
    """

    recipe: RunSpec
    graph: Graph


Answer = Shown | NeedsGraph | NeedsFloat


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What all studies of a graph share.

    Args:
        measured: What is measured.
        calibration: What previews find their ranges on.
        pairs: Pairs of the measured nodes, for smoothness.
    """

    measured: Graph
    calibration: Graph
    pairs: Pairs

    @classmethod
    def of(cls, graph: Graph) -> Parts:
        """Return the parts of a graph or set."""
        measured = measured_part(graph)
        return cls(measured, calibration_part(graph), pairs(measured.edge_index, measured.nodes))


class Answers:
    """Answers recipes from a store, keeping what neighbouring recipes share.

    Args:
        store: The runs, and public graphs beside them.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self._graphs: Kept[GraphSpec, Graph] = Kept(KEPT)
        self._parts: Kept[GraphSpec, Parts] = Kept(KEPT)
        self._studies: Kept[str, Study] = Kept(KEPT)
        self._runs: Kept[str, Shown] = Kept(KEPT)
        self._ended: Kept[str, Run | None] = Kept(KEPT)
        self._trained: set[str] = set()

    def trained(self, key: str) -> None:
        """Remember that a run was trained in this session."""
        self._trained.add(key)
        self._runs.forget(key)
        self._ended.forget(key)

    def graph(self, spec: GraphSpec) -> Graph:
        """Return a graph.

        Raises:
            GraphError: If it cannot be had.
        """
        return self._graphs.get(spec, lambda: load_graph(spec, self.store.folder))

    def answer(self, recipe: RunSpec) -> Answer:
        """Return what can be shown for a recipe, the numbers of the first page worked out.

        Raises:
            GraphError: If the graph cannot be had.
            SpecError: If the network does not answer what the graph asks, or its operator takes no
                edge weights and the graph has some.
            StoreError: If the store cannot be read.
            AccumulatorOverflow: If no integer is wide enough for the recipe on this graph.
        """
        try:
            graph = self.graph(recipe.graph)
        except GraphNotFound:
            if recipe.graph.name in PUBLIC + PUBLIC_SETS:
                return NeedsGraph(recipe.graph)
            raise
        check_task(graph, recipe.model)
        twin = float_twin(recipe)
        baseline = self._finished(twin.key) or self._other_float(twin)
        run = self._finished(recipe.key)
        if run is not None:
            shown = self._runs.get(run.key, lambda: self._of_run(run, graph, baseline))
        elif baseline is not None:
            study = self._study(baseline, graph)
            analysis = study.preview(recipe.quant)
            shown = Shown(
                origin="preview",
                recipe=recipe,
                graph=graph,
                analysis=analysis,
                run=None,
                baseline=baseline,
            )
        else:
            _check_operators(graph, recipe)
            return NeedsFloat(twin, graph)
        _work_out(shown)
        return shown

    def _of_run(self, run: Run, graph: Graph, baseline: Run | None) -> Shown:
        study = self._study(run, graph)
        return Shown(
            origin="trained" if run.key in self._trained else "stored",
            recipe=run.spec,
            graph=graph,
            analysis=study.analyse(_program(run, PROGRAM)),
            run=run,
            baseline=baseline,
        )

    def _study(self, run: Run, graph: Graph) -> Study:
        def make() -> Study:
            parts = self._parts.get(run.spec.graph, lambda: Parts.of(graph))
            study = Study(parts.measured, _program(run, REFERENCE), parts.calibration)
            study.pairs = parts.pairs
            return study

        return self._studies.get(run.key, make)

    def _finished(self, key: str) -> Run | None:
        """Return a finished run that still has the programs it is analysed by."""
        run = self._ended.get(key, lambda: self.store.answer(key))
        if run is not None and {PROGRAM, REFERENCE} <= run.files.keys():
            return run
        self._ended.forget(key)
        return None

    def _other_float(self, twin: RunSpec) -> Run | None:
        """Return the newest float run of a graph and network, whatever its training and seed."""
        for summary in self.store.list(graph=twin.graph.name, status="finished"):
            spec = summary.spec
            if (
                summary.mode == "float"
                and spec
                and (spec.graph, spec.model) == (twin.graph, twin.model)
            ):
                return self._finished(summary.key)
        return None


class Kept(Generic[Key, Value]):
    """The values used last, made when first asked for.

    Args:
        most: How many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of a key."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return self._values[key]

    def forget(self, key: Key) -> None:
        """Make the value of a key anew when it is next asked for."""
        self._values.pop(key, None)


def _check_operators(graph: Graph, recipe: RunSpec) -> None:
    """Refuse a graph with edge weights where an operator takes none, before anything is trained.

    Raises:
        SpecError: Naming the graph's weights.
    """
    neighbourhoods = Neighbourhoods(graph)
    shapes = recipe.model.layer_specs(graph.features, graph.outputs)
    for operator in {shape.operator for shape in shapes} - {"linear"}:
        neighbourhoods.of(operator)


def _program(run: Run, name: str) -> Program:
    with run.open(name) as file:
        return read(file)


def _work_out(shown: Shown) -> None:
    """Have the lazy numbers of the first page made here, not later on the thread that draws."""
    analysis: Any = shown.analysis
    _ = analysis.result, analysis.size
