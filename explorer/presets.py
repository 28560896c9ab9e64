"""The presets: widths, rules and protection that a recipe gets at once, by name."""

from __future__ import annotations

from functools import lru_cache

from engine.spec import RunSpec, scheme

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
"""Stands for the name of a recipe that is no preset's."""
REMEMBERED = 500
"""Recipes whose names are; every chart and every row of a table says one."""


@lru_cache(REMEMBERED)
def preset_of(recipe: RunSpec) -> str:
    """Return the name of the preset that a recipe's widths, rules and protection are, or Custom."""
    for name in PRESETS:
        made = preset(recipe, name)
        if made.quant == recipe.quant and made.protection == recipe.protection:
            return name
    return CUSTOM


def preset(recipe: RunSpec, name: str) -> RunSpec:
    """Return the recipe with a preset's widths, rules and protection; its training stays."""
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
