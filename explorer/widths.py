"""Widths: edits of how many bits a recipe's components have, in layers and by in-degree."""

from __future__ import annotations

from dataclasses import replace

from engine.spec import (
    FP32,
    Bucket,
    Component,
    QuantSpec,
    RunSpec,
    component_spec,
    format_buckets,
    parse_buckets,
    with_buckets,
)
from engine.spec.buckets import merged
from engine.spec.layer import signed_inputs
from explorer.rules import rules_of

SEVERAL = "several"
"""Stands for widths by in-degree that differ between components."""


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
    quant, shapes = list(recipe.quant), recipe.model.layer_specs(1, 1)
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
    rules = ranges if old.is_float else rules_of(old, component, signed)
    if rules is None:
        if bits == 2:
            return replace(old, bits=bits)
        return replace(old, bits=bits, ternary=False, truncation="none")
    return component_spec(rules, component, bits, signed=signed)
