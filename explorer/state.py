"""What the explorer is about: the recipe being edited, what is shown for it, the node picked.

Panels read these traits, observe them, and change the recipe through the edits below; nothing else
passes between panels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import traitlets

from engine.graphs.graph import Graph
from engine.spec import (
    FP32,
    Component,
    GraphSpec,
    LayerQuant,
    QuantSpec,
    RunSpec,
    SpecError,
    scheme,
)
from engine.spec.schemes import component_spec
from explorer.shown import Shown

PRESETS: dict[str, tuple[str, int, dict[str, int]]] = {
    "FP32": ("float", 32, {}),
    "INT8": ("qat", 8, {}),
    "INT4": ("qat", 4, {}),
    "W4A8": ("qat", 8, {"weight": 4}),
    "Degree-Quant 8": ("degree-quant", 8, {}),
    "Degree-Quant 4": ("degree-quant", 4, {}),
}
"""Name of each preset, with its scheme, width and differing widths."""

CUSTOM = "Custom"
RANGES = ("ptq", "qat", "degree-quant")
"""The schemes that have rules for ranges and gradients of their own."""
WORKING = "Working out what this recipe does …"
SECOND_THOUGHTS = 100
"""Edits that can be undone."""


class State(traitlets.HasTraits):
    """The traits that panels share.

    Args:
        recipe: The run being edited.
    """

    recipe = traitlets.Instance(RunSpec)
    """The run that Start would train."""
    graph = traitlets.Instance(Graph, allow_none=True, default_value=None)
    """The recipe's graph; None while it is not loaded."""
    shown = traitlets.Instance(Shown, allow_none=True, default_value=None)
    """What charts and tables show; None while there is nothing."""
    status = traitlets.Unicode("")
    """Why what is shown is not of this recipe; empty when it is."""
    problem = traitlets.Unicode("")
    """What was wrong with the last edit; empty when it was taken."""
    finished = traitlets.Int(0)
    """Runs that finished in this session."""
    node = traitlets.Int(None, allow_none=True)
    """The node picked."""
    ranges = traitlets.Enum(RANGES, default_value="degree-quant")
    """The scheme that a component's range and gradient rules come from when it gets a width."""

    def __init__(self, recipe: RunSpec) -> None:
        super().__init__(recipe=recipe)
        self._past: list[RunSpec] = []
        self.ranges = ranges_of(recipe) or "degree-quant"

    def edit(self, change: Callable[[RunSpec], RunSpec]) -> bool:
        """Change the recipe, or keep it and say in `problem` what was wrong.

        Args:
            change: The new recipe for the old one.

        Returns:
            Whether the change was taken.
        """
        try:
            recipe = change(self.recipe)
        except SpecError as error:
            self.problem = f"{error}. The recipe stays as it was."
            return False
        self.problem = ""
        if recipe != self.recipe:
            self._past = [*self._past[1 - SECOND_THOUGHTS :], self.recipe]
            self._take(recipe)
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._past)

    def undo(self) -> None:
        """Go back to the recipe before the last edit, if there was one."""
        if self._past:
            self.problem = ""
            self._take(self._past.pop())

    def _take(self, recipe: RunSpec) -> None:
        with self.hold_trait_notifications():
            if recipe.graph != self.recipe.graph:
                self.node = self.graph = None
            self.ranges = ranges_of(recipe) or self.ranges
            self.recipe = recipe


def with_graph(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe on another graph; what only the old graph has is dropped."""
    name = fields.get("name", recipe.graph.name)
    if name != recipe.graph.name:
        return replace(recipe, graph=_within("graph", lambda: GraphSpec(name=name)))
    return replace(recipe, graph=_within("graph", lambda: replace(recipe.graph, **fields)))


def with_model(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe with another network; further layers are quantized like its hidden ones."""
    model = _within("model", lambda: replace(recipe.model, **fields))
    return replace(recipe, model=model, quant=_stretched(recipe.quant, model.layers))


def with_bits(
    recipe: RunSpec, layers: range, component: Component, bits: int, ranges: str
) -> RunSpec:
    """Return the recipe with one component of some layers at another width.

    Args:
        recipe: The recipe.
        layers: Indices of the layers.
        component: The component.
        bits: Its width.
        ranges: Scheme whose rules a component takes that was in float before.
    """
    quant = list(recipe.quant)
    for layer in layers:
        spec = _with_bits(quant[layer][component], component, bits, layer, ranges)
        quant[layer] = replace(quant[layer], **{component: spec})
    recipe = replace(recipe, quant=tuple(quant))
    if recipe.training.mode == "float" and bits != 32:
        recipe = replace(recipe, training=replace(recipe.training, mode="retrain"))
    return recipe


def with_ranges(recipe: RunSpec, ranges: str) -> RunSpec:
    """Return the recipe with the same widths under a scheme's range and gradient rules."""
    quant = (
        LayerQuant(
            **{c: component_spec(ranges, c, spec.bits, layer=at) for c, spec in layer.items()}
        )
        for at, layer in enumerate(recipe.quant)
    )
    return replace(recipe, quant=tuple(quant))


def with_protection(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe with another degree protection."""
    protection = _within("protection", lambda: replace(recipe.protection, **fields))
    return replace(recipe, protection=protection)


def with_training(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe trained in another way."""
    training = _within("training", lambda: replace(recipe.training, **fields))
    return replace(recipe, training=training)


def with_preset(recipe: RunSpec, name: str) -> RunSpec:
    """Return the recipe with a preset's widths, rules and protection, trained as its kind is."""
    made = _preset(recipe, name)
    mode = recipe.training.mode
    if name == "FP32":
        mode = "float"
    elif mode == "float":
        mode = "retrain"
    return replace(made, training=replace(recipe.training, mode=mode))


def preset_of(recipe: RunSpec) -> str:
    """Return the name of the preset that a recipe's widths, rules and protection are, or Custom."""
    for name in PRESETS:
        made = _preset(recipe, name)
        if made.quant == recipe.quant and made.protection == recipe.protection:
            return name
    return CUSTOM


def ranges_of(recipe: RunSpec) -> str | None:
    """Return the scheme whose rules every quantized component of a recipe has, None if mixed."""
    if all(spec.is_float for layer in recipe.quant for _, spec in layer.items()):
        return None
    for name in RANGES:
        if with_ranges(recipe, name).quant == recipe.quant:
            return name
    return None


def _preset(recipe: RunSpec, name: str) -> RunSpec:
    kind, bits, differing = PRESETS[name]
    return scheme(
        kind,
        bits=bits,
        component_bits=differing,
        graph=recipe.graph,
        model=recipe.model,
        training=recipe.training,
        seed=recipe.seed,
    )


def _with_bits(
    old: QuantSpec, component: Component, bits: int, layer: int, ranges: str
) -> QuantSpec:
    """Return a component's spec at another width, under the rules it has or else those named."""
    if bits == 32:
        return FP32
    if old.is_float:
        return component_spec(ranges, component, bits, layer=layer)
    for name in RANGES:
        if component_spec(name, component, old.bits, layer=layer) == old:
            return component_spec(name, component, bits, layer=layer)
    return replace(old, bits=bits)


def _stretched(quant: tuple[LayerQuant, ...], layers: int) -> tuple[LayerQuant, ...]:
    """Return one `LayerQuant` a layer, the first and the last kept in their places."""
    first, *middle, last = quant
    if not middle:
        middle = [replace(last, output=first.output)]
    return (first, *(middle[min(at, len(middle) - 1)] for at in range(layers - 2)), last)


def _within(field: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except SpecError as error:
        raise error.within(field) from None
