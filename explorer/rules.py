"""Rules: how a recipe's components find their ranges and gradients, by the scheme they are of."""

from __future__ import annotations

from dataclasses import replace

from engine.spec import Component, LayerQuant, QuantSpec, RunSpec, component_spec
from engine.spec.layer import signed_inputs

RANGES = ("ptq", "qat", "smp", "degree-quant")
"""The schemes that have rules for ranges and gradients of their own."""


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
        for layer, signed in zip(
            recipe.quant, signed_inputs(recipe.model.layer_specs(1, 1)), strict=True
        )
    )
    return replace(recipe, quant=tuple(quant))


def ranges_of(recipe: RunSpec) -> str | None:
    """Return the scheme whose rules every quantized component of a recipe has, None if mixed."""
    if all(spec.is_float for layer in recipe.quant for _, spec in layer.items()):
        return None
    for name in RANGES:
        if with_ranges(recipe, name).quant == recipe.quant:
            return name
    return None


def rules_of(spec: QuantSpec, component: Component, signed: bool) -> str | None:
    """Return the scheme whose rules a component's spec follows, None if it has its own.

    Widths by in-degree are no rule.
    """
    spec = replace(spec, buckets=())
    for name in RANGES:
        if component_spec(name, component, spec.bits, signed=signed) == spec:
            return name
    return None
