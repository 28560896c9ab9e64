"""The graph: which one, its settings, and what it is like in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from engine.graphs.catalogue import EMBEDDED, HUBS_EXPONENT, HUBS_NODES, PUBLIC
from engine.graphs.graph import Graph
from engine.spec import GraphSpec, RunSpec
from explorer.captions import graph_title
from explorer.fields import bind, choice, flag, html, integer, real, row
from explorer.state import State, with_graph


class GraphPanel(widgets.VBox):
    """Controls of the graph, and its numbers.

    Args:
        state: Holds the recipe and the loaded graph.
        own: Names of a person's own graphs.
    """

    def __init__(self, state: State, own: Sequence[str] = ()) -> None:
        self._state = state
        spec = state.recipe.graph
        self._names = [*own, *EMBEDDED, *PUBLIC]
        self.name = choice("Graph", self._options(spec.name), spec.name)
        self.normalize = flag(
            "Normalize rows", spec.normalizes, "Divide each row of features by its sum"
        )
        self.nodes = integer("Nodes", spec.nodes or HUBS_NODES)
        self.exponent = real("Exponent", spec.exponent or HUBS_EXPONENT, 0.1)
        self.facts = html(name="gb-note")
        state.observe(self._offer, "recipe")
        bind(self.name, state, lambda r: r.graph.name, lambda r, name: with_graph(r, name=name))
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
        state.observe(self._follow, ["recipe", "graph"])
        super().__init__([row(self.name, self.nodes, self.exponent, self.normalize), self.facts])
        self.add_class("gb-panel")
        self._follow(None)

    def _options(self, name: str) -> list[tuple[str, str]]:
        if name not in self._names:
            self._names.insert(0, name)
        return [(graph_title(known), known) for known in self._names]

    def _offer(self, _: Any) -> None:
        """Offer a graph that only the recipe names, before the control is set to it."""
        options = self._options(self._state.recipe.graph.name)
        if list(self.name.options) != options:
            self.name.options = options

    def _follow(self, _: Any) -> None:
        hubs = self._state.recipe.graph.name == "hubs"
        for control in (self.nodes, self.exponent):
            control.layout.display = None if hubs else "none"
        self.facts.value = "" if self._state.graph is None else graph_facts(self._state.graph)


def graph_facts(graph: Graph) -> str:
    """Return what a graph is like, in one line of HTML."""
    degree = graph.in_degree
    return (
        f'<span title="{graph.features:,} features; {graph.train.sum():,} nodes to train on, '
        f'{graph.val.sum():,} to validate, {graph.test.sum():,} to test">'
        f"{graph.nodes:,} nodes, {graph.edges:,} edges, {graph.classes} classes, "
        f"in-degree {degree.min()} to {degree.max()}</span>"
    )


def _with_hubs(recipe: RunSpec, **fields: Any) -> RunSpec:
    return with_graph(recipe, **fields) if recipe.graph.name == "hubs" else recipe


def _with_rows(recipe: RunSpec, normalized: bool) -> RunSpec:
    usual = GraphSpec(name=recipe.graph.name).normalizes
    return with_graph(recipe, normalize=None if normalized == usual else normalized)
