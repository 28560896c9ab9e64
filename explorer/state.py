"""What the explorer is about: the recipe being edited, what is shown for it, the node picked.

Panels read these traits, observe them, and change the recipe through the edits below; nothing else
passes between panels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import traitlets

from engine.graphs.graph import Graph
from engine.spec import (
    FP32,
    Bucket,
    Component,
    GraphSpec,
    LayerQuant,
    LayerSpec,
    Mode,
    ModelSpec,
    Operator,
    OwnModel,
    QuantSpec,
    RunSpec,
    SpecError,
    TrainingSpec,
    component_spec,
    format_buckets,
    parse_buckets,
    scheme,
    usual_distillation,
    with_buckets,
)
from engine.spec.buckets import merged
from engine.spec.layer import signed_inputs
from engine.spec.run import HEAD_LAYERS, HEADS
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.chosen import Choice
from explorer.faults import guarded
from explorer.pace import Deferred
from explorer.shown import Shown

PRESETS: dict[str, tuple[str, int, dict[str, int]]] = {
    "FP32": ("float", 32, {}),
    "INT8": ("qat", 8, {}),
    "INT4": ("qat", 4, {}),
    "W4A8": ("qat", 8, {"weight": 4}),
    "Degree-Quant 8": ("degree-quant", 8, {}),
    "Degree-Quant 4": ("degree-quant", 4, {}),
    "SMP INT8": ("smp", 8, {}),
    "SMP INT4": ("smp", 4, {}),
    "SMP INT2": ("smp", 2, {}),
    "SGQuant 8": ("sgquant", 8, {}),
}
"""Name of each preset, with its scheme, width and differing widths."""

DEFAULT = scheme("degree-quant", bits=4)
"""The recipe that the explorer opens with; its run is shipped."""
CUSTOM = "Custom"
RANGES = ("ptq", "qat", "smp", "degree-quant")
"""The schemes that have rules for ranges and gradients of their own."""
SEVERAL = "several"
"""Stands for widths by in-degree that differ between components."""
WORKING = "Working out what this recipe does …"
SECOND_THOUGHTS = 100
"""Edits that can be undone."""
DROPOUT_OF_GRAPHS = 0.0
"""Dropout of a network for graphs, whose nodes have few features: a half, as usual for bags of
words, takes GIN 2×16 on digits-superpixels from 85 % to 41 % (200 epochs, in float)."""
REMEMBERED = 500
"""Recipes whose names are; every chart and every row of a table says one."""


class State(traitlets.HasTraits):
    """The traits that panels share.

    Args:
        recipe: The run being edited.
        bounds: What a recipe may ask for here.
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
    searched = traitlets.Int(0)
    """How often a search of this session came to know something."""
    node = traitlets.Int(None, allow_none=True)
    """The node picked, of what is measured."""
    member = traitlets.Int(None, allow_none=True)
    """The graph picked, of those of a set that are measured."""
    chosen: traitlets.Instance[Choice | None] = traitlets.Instance(
        "explorer.chosen.Choice", allow_none=True, default_value=None
    )
    """The nodes or graphs that all views follow; None for all."""
    pinned = traitlets.Instance(Shown, allow_none=True, default_value=None)
    """What is compared with; None for the float run alone."""
    page = traitlets.Unicode("")
    """The title of the page in front; empty where panels are shown alone."""
    ranges = traitlets.Enum(RANGES, default_value="degree-quant")
    """The scheme that a component's range and gradient rules come from when it gets a width."""

    def __init__(self, recipe: RunSpec, bounds: Bounds = OWN_MACHINE) -> None:
        self._controls: list[Callable[[None], object]] = []
        self._lagging = Deferred(self._show_controls)
        super().__init__(recipe=recipe)
        self.bounds = bounds
        self._past: list[RunSpec] = []
        self._future: list[RunSpec] = []
        self.ranges = ranges_of(recipe) or "degree-quant"

    def follow(self, control: Callable[[None], object]) -> None:
        """Have a control shown anew after each change of the recipe, the charts first.

        A change may concern a hundred controls, and the page takes as long for them as for a chart.

        Args:
            control: Shows it as the recipe is then; called in the order in which they came.
        """
        self._controls.append(control)

    def charted(self) -> None:
        """Say that the charts of the recipe were sent; the controls come once they are drawn."""
        self._lagging.begin()

    def catch_up(self) -> None:
        """Have the controls shown as the recipe is, where they still wait for the charts."""
        self._lagging.now()

    @traitlets.observe("recipe")
    def _defer_controls(self, _: object) -> None:
        self._lagging.ask()

    def _show_controls(self) -> None:
        for control in self._controls:
            guarded(control, None)

    def edit(self, change: Callable[[RunSpec], RunSpec]) -> bool:
        """Change the recipe, or keep it and say in `problem` what was wrong.

        Args:
            change: The new recipe for the old one.

        Returns:
            Whether the change was taken.
        """
        try:
            recipe = change(self.recipe)
            self.bounds.check(recipe)
        except SpecError as error:
            self.problem = f"{error}. The recipe stays as it was."
            return False
        self.problem = ""
        if recipe != self.recipe:
            self._past = [*self._past[1 - SECOND_THOUGHTS :], self.recipe]
            self._future = []
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
            self._future.append(self.recipe)
            self._take(self._past.pop())

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit to make again."""
        return bool(self._future)

    def redo(self) -> None:
        """Go forward to the recipe that was undone last, if there is one."""
        if self._future:
            self.problem = ""
            self._past.append(self.recipe)
            self._take(self._future.pop())

    def _take(self, recipe: RunSpec) -> None:
        with self.hold_trait_notifications():
            if recipe.graph != self.recipe.graph:
                self.node = self.member = self.graph = self.chosen = None
            self.ranges = ranges_of(recipe) or self.ranges
            self.recipe = recipe


def with_graph(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe on another graph; what only the old graph has is dropped."""
    name = fields.get("name", recipe.graph.name)
    if name != recipe.graph.name:
        return replace(recipe, graph=_within("graph", lambda: GraphSpec(name=name)))
    return replace(recipe, graph=_within("graph", lambda: replace(recipe.graph, **fields)))


def with_task(recipe: RunSpec, of_graphs: bool) -> RunSpec:
    """Return the recipe with a network for whole graphs, or for nodes; as it is where it is one.

    It comes with the dropout usual there, unless another was chosen. A person's own model is what
    it is.
    """
    model = recipe.model
    if of_graphs == (model.pool != "none") or isinstance(model, OwnModel):
        return recipe
    of_nodes, pooled = ModelSpec().dropout, DROPOUT_OF_GRAPHS
    before, after = (of_nodes, pooled) if of_graphs else (pooled, of_nodes)
    dropout = after if model.dropout == before else model.dropout
    return with_model(recipe, pool="mean" if of_graphs else "none", dropout=dropout)


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

    Further layers are quantized like its hidden ones, as is a head for graphs; what no layer had
    before, like its messages. Another operator comes with its habits, and attention with the hidden
    features its heads need. To a propagation or from it, or with other steps, all is quantized
    anew.
    """
    by_degree, recipe = buckets_of(recipe) or (), with_buckets(recipe, ())
    old = _shape(recipe.model)
    model = _within("model", lambda: _other_model(old, fields))
    if old.propagated or model.propagated:
        return with_buckets(with_network(recipe, model), by_degree)
    before, after = _layers(old)[0].components, _layers(model)
    lacking = set(before) - set(_layers(old)[old.layers - 1].components)
    new = [component for component in after[0].components if component not in before]
    body, head = _with_head(recipe.quant, old, model)
    quant = (*_stretched(body, model.layers, lacking), *head)
    fitted = (
        _fitted(held, shape.components, new, signed)
        for held, shape, signed in zip(quant, after, signed_inputs(after), strict=True)
    )
    return with_buckets(replace(recipe, model=model, quant=tuple(fitted)), by_degree)


def with_network(recipe: RunSpec, model: ModelSpec | OwnModel) -> RunSpec:
    """Return the recipe with a network of another make, by its preset or else at one width.

    A person's own model is finetuned, rather than learned anew.
    """
    rules = ranges_of(recipe) or RANGES[-1]
    one_width = (rules, recipe.quant[0].weight.bits, dict[str, int]())
    kind, bits, differing = PRESETS.get(preset_of(recipe), one_width)
    made = scheme(
        kind, bits=bits, component_bits=differing, graph=recipe.graph, model=model, seed=recipe.seed
    )
    training = recipe.training
    if training.mode in ("finetune", "retrain"):
        mode: Mode = "finetune" if isinstance(model, OwnModel) else "retrain"
        training = replace(training, mode=mode)
    made = replace(made, protection=recipe.protection, training=training)
    return with_buckets(made, buckets_of(recipe) or ())


def with_bits(
    recipe: RunSpec, layers: range, component: Component, bits: int, ranges: str
) -> RunSpec:
    """Return the recipe with one component of some layers at another width.

    Args:
        recipe: The recipe.
        layers: Indices of the layers; one that is not there or lacks the component is left out.
        component: The component.
        bits: Its width.
        ranges: Scheme whose rules a component takes that was in float before.
    """
    quant, shapes = list(recipe.quant), _layers(recipe.model)
    signed = signed_inputs(shapes)
    for layer in layers:
        if layer < len(quant) and component in shapes[layer].components:
            spec = _with_bits(quant[layer][component], component, bits, signed[layer], ranges)
            quant[layer] = replace(quant[layer], **{component: spec})
    by_degree = buckets_of(recipe)
    recipe = replace(recipe, quant=tuple(quant))
    if by_degree:
        recipe = with_buckets(recipe, by_degree)
    if recipe.training.mode == "float" and bits != 32:
        recipe = replace(recipe, training=replace(recipe.training, mode="retrain"))
    return recipe


def buckets_of(recipe: RunSpec) -> tuple[Bucket, ...] | None:
    """Return the widths by in-degree that all components have, as far as these are wider than them.

    None where components differ otherwise.
    """
    held = {spec.buckets for layer in recipe.quant for _, spec in layer.items()}
    most = max(held, key=len)
    return most if with_buckets(recipe, most) == recipe else None


def by_degree_text(recipe: RunSpec) -> str:
    """Return `buckets_of` as text; `SEVERAL` for None."""
    buckets = buckets_of(recipe)
    return SEVERAL if buckets is None else format_buckets(buckets)


def with_degrees(recipe: RunSpec, text: str) -> RunSpec:
    """Return the recipe with widths by in-degree, of all that nodes hold.

    Args:
        recipe: The recipe.
        text: As `engine.spec.parse_buckets` reads it; `SEVERAL` for those that it has.
    """
    return recipe if text.strip() == SEVERAL else with_buckets(recipe, parse_buckets(text))


def with_ranges(recipe: RunSpec, ranges: str) -> RunSpec:
    """Return the recipe with the same widths under a scheme's range and gradient rules."""
    quant = (
        LayerQuant(
            **{
                c: replace(
                    component_spec(ranges, c, spec.bits, signed=signed), buckets=spec.buckets
                )
                for c, spec in layer.items()
            }
        )
        for layer, signed in zip(recipe.quant, signed_inputs(_layers(recipe.model)), strict=True)
    )
    return replace(recipe, quant=tuple(quant))


def with_protection(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe with another degree protection."""
    protection = _within("protection", lambda: replace(recipe.protection, **fields))
    return replace(recipe, protection=protection)


def with_training(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe trained in another way."""
    training = _within("training", lambda: _trained(recipe.training, **fields))
    return replace(recipe, training=training)


def _trained(training: TrainingSpec, **fields: Any) -> TrainingSpec:
    """Return a training with other fields; without quantizers it has nothing to teach them by."""
    if fields.get("mode") in ("float", "ptq"):
        fields = {"distillation": 0.0, "narrowing": (), **fields}
    return replace(training, **fields)


def with_preset(recipe: RunSpec, name: str) -> RunSpec:
    """Return the recipe with a preset's widths, rules and protection, trained as its kind is."""
    made = _preset(recipe, name)
    mode = recipe.training.mode
    if name == "FP32":
        mode = "float"
    elif mode == "float":
        mode = "retrain"
    kind, bits, _ = PRESETS[name]
    training = _trained(recipe.training, mode=mode)
    if mode in ("finetune", "retrain"):
        training = replace(training, distillation=usual_distillation(kind, bits))
    return replace(made, training=training)


@lru_cache(REMEMBERED)
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
    narrower = [replace(b, bits=min(b.bits, bits)) for b in old.buckets if bits > 1]
    old = replace(old, buckets=())
    made = _of_width(old, component, bits, signed, ranges)
    return replace(made, buckets=merged(bits, narrower) if made.nests else ())


def _of_width(
    old: QuantSpec, component: Component, bits: int, signed: bool, ranges: str
) -> QuantSpec:
    rules = ranges if old.is_float else _rules(old, component, signed)
    if rules is None:
        if bits == 2:
            return replace(old, bits=bits)
        return replace(old, bits=bits, ternary=False, truncation="none")
    return component_spec(rules, component, bits, signed=signed)


def _rules(spec: QuantSpec, component: Component, signed: bool) -> str | None:
    """Return the scheme whose rules a component's spec follows, None if it has its own.

    Widths by in-degree are no rule.
    """
    spec = replace(spec, buckets=())
    for name in RANGES:
        if component_spec(name, component, spec.bits, signed=signed) == spec:
            return name
    return None


def _other_model(old: ModelSpec, fields: dict[str, Any]) -> ModelSpec:
    """Return the network with other fields; one that is the operator's habit is left to it."""
    operator = fields.get("operator", old.operator)
    usual = habits(operator)
    if operator != old.operator:
        own = (*usual, "steps", "propagation", "normalization")
        fields = {**dict.fromkeys(own), **fields}
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
        specs["input"] = replace(quant.input, signed=signed or quant.input.ternary)
    return LayerQuant(**specs)


def _layers(model: ModelSpec | OwnModel) -> tuple[LayerSpec, ...]:
    """Return a network's layers, whatever the features of the graph and its classes."""
    return model.layer_specs(1, 1)


def _shape(model: ModelSpec | OwnModel) -> ModelSpec:
    """Return a network's shape, where it is one to choose.

    Raises:
        SpecError: If it is a person's own model.
    """
    if isinstance(model, OwnModel):
        raise SpecError("model", model.name[:10], "no other shape: it is a model of your own")
    return model


def _with_head(
    quant: tuple[LayerQuant, ...], old: ModelSpec, new: ModelSpec
) -> tuple[tuple[LayerQuant, ...], tuple[LayerQuant, ...]]:
    """Return the operator's layers and the head for graphs that another network has, if any.

    The scores stay as they are quantized, whichever layer gives them.
    """
    body, head = quant[: old.layers], quant[old.layers :]
    if (old.pool == "none") == (new.pool == "none"):
        return body, head
    last = body[-1]
    if head:
        return (*body[:-1], replace(last, output=head[-1].output)), ()
    inner = replace(last, output=body[0].output)
    return (*body[:-1], inner), (*[inner] * (HEAD_LAYERS - 1), replace(inner, output=last.output))


def _stretched(
    quant: tuple[LayerQuant, ...], layers: int, lacking: Collection[Component]
) -> tuple[LayerQuant, ...]:
    """Return one `LayerQuant` a layer, the first and the last kept in their places.

    Args:
        quant: The layers'.
        layers: How many there are to be.
        lacking: Components that hidden layers have and the last one lacks.
    """
    first, *middle, last = quant
    if not middle:
        middle = [last.map(lambda c, held: first[c] if c in {"output", *lacking} else held)]
    return (first, *(middle[min(at, len(middle) - 1)] for at in range(layers - 2)), last)


def _within(field: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except SpecError as error:
        raise error.within(field) from None
