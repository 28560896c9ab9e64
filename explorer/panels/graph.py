"""The graph: which one, its settings, and what it is like in one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import numpy as np

from engine.graphs.catalogue import (
    EMBEDDED,
    EMBEDDED_SETS,
    HUBS_EXPONENT,
    HUBS_NODES,
    PUBLIC,
    PUBLIC_SETS,
    SETS,
)
from engine.graphs.graph import Graph
from engine.spec import GraphSpec, RunSpec
from engine.spec.run import FOLDED, FOLDS, SPLITS, Split
from explorer.captions import whole_title
from explorer.edits import with_graph, with_task
from explorer.fields import bind, choice, flag, html, integer, real, row
from explorer.state import State


class GraphPanel(widgets.VBox):
    """Controls of the graph, and its numbers.

    A graph that only the recipe names is offered as well; whether it is a set, its network says.

    Args:
        state: Holds the recipe and the loaded graph.
        own: A person's own graphs, by their names.
    """

    def __init__(self, state: State, own: Mapping[str, Graph] | None = None) -> None:
        self._state = state
        spec = state.recipe.graph
        own = own or {}
        listed = [*own, *EMBEDDED, *EMBEDDED_SETS, *PUBLIC, *PUBLIC_SETS]
        offered = state.bounds.graphs
        self._names = [n for n in dict.fromkeys(listed) if offered is None or n in offered]
        self._sets = {*SETS, *(name for name, graph in own.items() if graph.is_set)}
        self.name = choice(
            "Graph", self._options(spec.name), spec.name, "What the network learns on"
        )
        self.normalize = flag(
            "Normalize rows", spec.normalizes, "Divide each row of features by its sum"
        )
        self.nodes = integer("Nodes", spec.nodes or HUBS_NODES, "How many nodes the graph has")
        self.exponent = real(
            "Exponent",
            spec.exponent or HUBS_EXPONENT,
            0.1,
            "Of the power law of degrees: the smaller, the larger the hubs",
        )
        folds = [(str(fold), fold) for fold in range(FOLDS)]
        self.fold = choice("Fold", folds, spec.fold or 0, "The tenth that is tested on")
        self.fold.add_class("gb-short")
        splits = [(title, split) for split, title in SPLITS.items()]
        self.split = choice("Split", splits, spec.split, "Nodes to train on, validate and test on")
        self.facts = html(name="gb-note")
        state.follow(self._offer)
        bind(self.name, state, lambda recipe: recipe.graph.name, self._with_name)
        bind(
            self.normalize,
            state,
            lambda recipe: recipe.graph.normalizes,
            _with_rows,
        )
        bind(
            self.nodes,
            state,
            lambda recipe: recipe.graph.nodes or HUBS_NODES,
            lambda recipe, value: _with_hubs(recipe, nodes=value),
        )
        bind(
            self.exponent,
            state,
            lambda recipe: recipe.graph.exponent or HUBS_EXPONENT,
            lambda recipe, value: _with_hubs(recipe, exponent=value),
        )
        bind(self.fold, state, lambda recipe: recipe.graph.fold or 0, _with_fold)
        bind(self.split, state, lambda recipe: recipe.graph.split, self._with_split)
        state.follow(self._follow)
        state.observe(self._describe, "graph")
        super().__init__(
            [
                row(self.name, self.nodes, self.exponent, self.fold, self.split, self.normalize),
                self.facts,
            ]
        )
        self.add_class("gb-panel")
        self._follow(None)
        self._describe(None)

    def _options(self, name: str) -> list[tuple[str, str]]:
        if name not in self._names:
            self._names.insert(0, name)
            if self._state.recipe.model.pool != "none":
                self._sets.add(name)
        return [(self._option(known), known) for known in self._names]

    def _option(self, name: str) -> str:
        title = whole_title(GraphSpec(name=name))
        return f"{title} (graphs)" if name in self._sets else title

    def _with_name(self, recipe: RunSpec, name: str) -> RunSpec:
        return with_task(with_graph(recipe, name=name), name in self._sets)

    def _with_split(self, recipe: RunSpec, split: Split) -> RunSpec:
        return recipe if recipe.graph.name in self._sets else with_graph(recipe, split=split)

    def _offer(self, _: Any) -> None:
        """Offer a graph that only the recipe names, before the control is set to it."""
        options = self._options(self._state.recipe.graph.name)
        if list(self.name.options) != options:
            self.name.options = options

    def _follow(self, _: Any) -> None:
        name = self._state.recipe.graph.name
        for control in (self.nodes, self.exponent):
            control.layout.display = None if name == "hubs" else "none"
        self.fold.layout.display = None if name in FOLDED else "none"
        self.split.layout.display = "none" if name in self._sets else None

    def _describe(self, _: Any) -> None:
        self.facts.value = "" if self._state.graph is None else graph_facts(self._state.graph)


def graph_facts(graph: Graph) -> str:
    """Return what a graph or set is like, in one line of HTML."""
    degree = graph.in_degree
    one = "graph" if graph.is_set else "node"
    parts = [f"{graph.units:,} {one}s", f"{graph.edges:,} edges"]
    learned = "classes" if graph.targets is None else f"target{'s' * (graph.outputs > 1)}"
    parts.append(f"{graph.outputs} {learned}")
    if graph.starts is not None:
        size = np.diff(graph.starts)
        parts[0] += f" of {size.min():,} to {size.max():,} nodes"
    high = degree.max(initial=0)
    parts.append(f"in-degree {degree.min(initial=high)} to {high}")
    split = (
        f"{graph.features:,} feature{'s' * (graph.features > 1)}; {graph.train.sum():,} {one}s to "
        f"train on, {graph.val.sum():,} to validate, {graph.test.sum():,} to test"
    )
    return f'<span title="{split}">{", ".join(parts)}</span>'


def _with_hubs(recipe: RunSpec, **fields: Any) -> RunSpec:
    return with_graph(recipe, **fields) if recipe.graph.name == "hubs" else recipe


def _with_fold(recipe: RunSpec, fold: int) -> RunSpec:
    return with_graph(recipe, fold=fold or None) if recipe.graph.name in FOLDED else recipe


def _with_rows(recipe: RunSpec, normalized: bool) -> RunSpec:
    usual = GraphSpec(name=recipe.graph.name).normalizes
    return with_graph(recipe, normalize=None if normalized == usual else normalized)
