"""Degree protection: its two probabilities, drawn over the graph's degrees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as widgets
import numpy as np

from engine.graphs.degrees import (
    Degrees,
    Starts,
    expected_protected,
    mean_probability,
)
from engine.graphs.graph import Graph
from engine.spec import Protection, RunSpec
from explorer.captions import percent
from explorer.edits import with_protection
from explorer.fields import bind, flag, html, real, row
from explorer.state import State

WIDTH, HEIGHT = 376, 56
"""Size of the small drawing, in its own units."""
BINS = 40


class ProtectionPanel(widgets.VBox):
    """Controls of degree protection, and whom it protects.

    Args:
        state: Holds the recipe and the graph.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        protection = state.recipe.protection
        self.p_min = real("Protect p_min", protection.p_min, 0.05, "At the smallest degree")
        self.p_max = real("Protect p_max", protection.p_max, 0.05, "At the largest degree")
        self.shared = flag(
            "One mask for all layers",
            protection.shared,
            "Protect the same nodes in every layer of a training step, or others in each",
        )
        bind(self.p_min, state, lambda recipe: recipe.protection.p_min, _with_p_min)
        bind(self.p_max, state, lambda recipe: recipe.protection.p_max, _with_p_max)
        bind(self.shared, state, lambda recipe: recipe.protection.shared, _with_shared)
        self.drawing = html(name="gb-degrees")
        self._drawn: tuple[Graph | None, Protection] | None = None
        state.observe(self._follow, ["recipe", "graph"])
        super().__init__([row(self.p_min, self.p_max, self.shared), self.drawing])
        self.add_class("gb-panel")
        self._follow(None)

    def _follow(self, _: Any) -> None:
        graph, protection = self._state.graph, self._state.recipe.protection
        if (graph, protection) == self._drawn:
            return
        self._drawn = graph, protection
        degrees = None if graph is None else (graph.in_degree, protection, graph.starts)
        self.drawing.value = "" if degrees is None else drawing(*degrees)


def drawing(in_degree: Degrees, protection: Protection, starts: Starts | None = None) -> str:
    """Return the graph's degrees as bars, log scale, and the protection probability over them.

    Args:
        in_degree: In-degrees before self-loops, [N].
        protection: The bounds.
        starts: Where each graph's nodes start in a set; the curve is then a mean over graphs.
    """
    if not in_degree.size:
        return ""
    low, high = max(int(in_degree.min()), 1), max(int(in_degree.max()), 2)
    edges = np.geomspace(low, high + 1, min(BINS, high - low + 1) + 1)
    count, _ = np.histogram(np.maximum(in_degree, low), edges)
    x = np.log(edges / low) / np.log((high + 1) / low) * WIDTH
    top = HEIGHT - 4
    bars = "".join(
        f'<rect class="gb-bar" x="{a + 0.5:.1f}" y="{HEIGHT - n / count.max() * top:.1f}" '
        f'width="{max(b - a - 1, 0.5):.1f}" height="{n / count.max() * top:.1f}"/>'
        for a, b, n in zip(x, x[1:], count, strict=False)
    )
    degree, p = mean_probability(in_degree, protection, starts)
    spots = np.log(np.clip(degree, low, None) / low) / np.log((high + 1) / low) * WIDTH
    scale = top / max(p.max(), 1e-9) if p.max() > 0 else 0
    curve = " ".join(f"{a:.1f},{HEIGHT - b * scale:.1f}" for a, b in zip(spots, p, strict=True))
    sentence = protection_sentence(in_degree, protection, starts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{sentence}">{bars}<polyline class="gb-curve" points="{curve}"/></svg>'
        f'<div class="gb-ends"><span>in-degree {in_degree.min()}</span>'
        f'<span class="gb-key">{"mean p" if starts is not None else "p"}(degree), '
        f"up to {p.max():.3g}</span>"
        f"<span>{in_degree.max()}</span></div>"
        f'<div class="gb-note">{sentence}</div>'
    )


def protection_sentence(
    in_degree: Degrees, protection: Protection, starts: Starts | None = None
) -> str:
    """Return whom a protection protects, in one sentence."""
    if protection.is_off:
        return "No node is protected."
    nodes = expected_protected(in_degree, protection, starts)
    if starts is None:
        return f"A training step keeps about {nodes:,.0f} of {len(in_degree):,} nodes in float."
    share = percent(nodes / len(in_degree))
    return f"A step keeps about {share} of its nodes in float; degrees count within a graph."


def _with_p_min(recipe: RunSpec, p_min: float) -> RunSpec:
    return with_protection(recipe, p_min=p_min, p_max=max(p_min, recipe.protection.p_max))


def _with_p_max(recipe: RunSpec, p_max: float) -> RunSpec:
    return with_protection(recipe, p_min=min(p_max, recipe.protection.p_min), p_max=p_max)


def _with_shared(recipe: RunSpec, shared: bool) -> RunSpec:
    return replace(recipe, protection=replace(recipe.protection, shared=shared))
