"""Edits: a recipe on another graph, of another network, trained or protected in another way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from engine.spec import (
    Component,
    GraphSpec,
    LayerQuant,
    LayerSpec,
    Mode,
    ModelSpec,
    Operator,
    OwnModel,
    RunSpec,
    SpecError,
    TrainingSpec,
    component_spec,
    scheme,
    usual_distillation,
    with_buckets,
)
from engine.spec.layer import signed_inputs
from engine.spec.run import HEAD_LAYERS, HEADS
from explorer.presets import PRESETS, preset, preset_of
from explorer.rules import RANGES, ranges_of, rules_of
from explorer.widths import buckets_of

DROPOUT_OF_GRAPHS = 0.0
"""Dropout of a network for graphs, whose nodes have few features: a half, as usual for bags of
words, takes GIN 2×16 on digits-superpixels from 85 % to 41 % (200 epochs, in float)."""


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


def with_protection(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe with another degree protection."""
    protection = _within("protection", lambda: replace(recipe.protection, **fields))
    return replace(recipe, protection=protection)


def with_training(recipe: RunSpec, **fields: Any) -> RunSpec:
    """Return the recipe trained in another way."""
    training = _within("training", lambda: _trained(recipe.training, **fields))
    return replace(recipe, training=training)


def with_preset(recipe: RunSpec, name: str) -> RunSpec:
    """Return the recipe with a preset's widths, rules and protection, trained as its kind is."""
    made = preset(recipe, name)
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


def _trained(training: TrainingSpec, **fields: Any) -> TrainingSpec:
    """Return a training with other fields; without quantizers it has nothing to teach them by."""
    if fields.get("mode") in ("float", "ptq"):
        fields = {"distillation": 0.0, "narrowing": (), **fields}
    return replace(training, **fields)


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
    rules = rules_of(sent, "message", signed) or RANGES[-1]
    specs = {component: quant[component] for component in components}
    for component in new:
        if component in specs:
            specs[component] = component_spec(rules, component, sent.bits, signed=signed)
    if not quant.input.is_float:
        specs["input"] = replace(quant.input, signed=signed or quant.input.ternary)
    return LayerQuant(**specs)


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


def _within(field: str, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except SpecError as error:
        raise error.within(field) from None
