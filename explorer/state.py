"""What the explorer is about: the recipe being edited, what is shown for it, the node picked.

Panels read these traits, observe them, and change the recipe through the edits below; nothing else
passes between panels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import traitlets

from engine.graphs.graph import Graph
from engine.spec import (
    FP32,
    Component,
    GraphSpec,
    LayerQuant,
    LayerSpec,
    ModelSpec,
    Operator,
    QuantSpec,
    RunSpec,
    SpecError,
    component_spec,
    scheme,
)
from engine.spec.run import HEADS
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


def habits(operator: Operator) -> dict[str, Any]:
    """Return what a network of an operator has in each field that leaves the choice to it."""
    usual = ModelSpec(operator=operator)
    return {
        "heads": HEADS,
        "aggregation": "mean",
        "activation": usual.activates,
        "batch_norm": usual.normalizes,
    }


def with_model(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe with another network.

    Further layers are quantized like its hidden ones; what no layer had before, like its messages.
    Another operator comes with its habits, and attention with the hidden features its heads need.
    """
    old = recipe.model
    model = _within("model", lambda: _other_model(old, fields))
    before, after = (layers[0].components for layers in (_layers(old), _layers(model)))
    new = [component for component in after if component not in before]
    quant = (*_stretched(recipe.quant[: old.layers], model.layers), *recipe.quant[old.layers :])
    fitted = [
        _fitted(held, shape.components, new, _signed(model, at))
        for at, (held, shape) in enumerate(zip(quant, _layers(model), strict=True))
    ]
    return replace(recipe, model=model, quant=tuple(fitted))


def with_bits(
    recipe: RunSpec, layers: range, component: Component, bits: int, ranges: str
) -> RunSpec:
    """Return the recipe with one component of some layers at another width.

    Args:
        recipe: The recipe.
        layers: Indices of the layers; one that lacks the component stays as it is.
        component: The component.
        bits: Its width.
        ranges: Scheme whose rules a component takes that was in float before.
    """
    quant, shapes = list(recipe.quant), _layers(recipe.model)
    for layer in layers:
        if component in shapes[layer].components:
            signed = _signed(recipe.model, layer)
            spec = _with_bits(quant[layer][component], component, bits, signed, ranges)
            quant[layer] = replace(quant[layer], **{component: spec})
    recipe = replace(recipe, quant=tuple(quant))
    if recipe.training.mode == "float" and bits != 32:
        recipe = replace(recipe, training=replace(recipe.training, mode="retrain"))
    return recipe


def with_ranges(recipe: RunSpec, ranges: str) -> RunSpec:
    """Return the recipe with the same widths under a scheme's range and gradient rules."""
    quant = (
        LayerQuant(
            **{
                c: component_spec(ranges, c, spec.bits, signed=_signed(recipe.model, at))
                for c, spec in layer.items()
            }
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
    old: QuantSpec, component: Component, bits: int, signed: bool, ranges: str
) -> QuantSpec:
    """Return a component's spec at another width, under the rules it has or else those named."""
    if bits == 32:
        return FP32
    rules = ranges if old.is_float else _rules(old, component, signed)
    if rules is None:
        return replace(old, bits=bits)
    return component_spec(rules, component, bits, signed=signed)


def _rules(spec: QuantSpec, component: Component, signed: bool) -> str | None:
    """Return the scheme whose rules a component's spec follows, None if it has its own."""
    for name in RANGES:
        if component_spec(name, component, spec.bits, signed=signed) == spec:
            return name
    return None


def _other_model(old: ModelSpec, fields: dict[str, Any]) -> ModelSpec:
    """Return the network with other fields; one that is the operator's habit is left to it."""
    operator = fields.get("operator", old.operator)
    usual = habits(operator)
    if operator != old.operator:
        fields = {**dict.fromkeys(usual), **fields}
    fields = {
        name: None if name in usual and value == usual[name] else value
        for name, value in fields.items()
    }
    if operator == "gat" and "hidden" not in fields:
        heads = fields.get("heads", old.heads) or HEADS
        fields["hidden"] = -(-old.hidden // heads) * heads
    return replace(old, **fields)


def _fitted(
    quant: LayerQuant, components: Sequence[Component], new: Sequence[Component], signed: bool
) -> LayerQuant:
    """Return a layer's quantization with these components only, the new ones like its messages.

    Args:
        quant: The layer's.
        components: Those that it has from now on.
        new: Those of them that it did not have.
        signed: Whether its input may be negative.
    """
    sent = quant.message
    rules = _rules(sent, "message", signed) or RANGES[-1]
    specs = {component: quant[component] for component in components}
    for component in new:
        if component in specs:
            specs[component] = component_spec(rules, component, sent.bits, signed=signed)
    if not quant.input.is_float:
        specs["input"] = replace(quant.input, signed=signed)
    return LayerQuant(**specs)


def _layers(model: ModelSpec) -> tuple[LayerSpec, ...]:
    """Return a network's layers, whatever the features of the graph and its classes."""
    return model.layer_specs(1, 1)


def _signed(model: ModelSpec, layer: int) -> bool:
    """Return whether the input of a layer may be negative: a ReLU leaves nothing that is."""
    return layer == 0 or model.activates != "relu"


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
