"""How recipes, sizes and times read in the explorer's sentences."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from engine.metrics.merit import Merit
from engine.spec import (
    DiffGroupNorm,
    GraphSpec,
    Normalization,
    OwnModel,
    PairNorm,
    RunSpec,
    scheme,
)
from engine.spec.run import FOLDED, HEADS
from explorer.presets import CUSTOM, REMEMBERED, preset_of
from explorer.rules import ranges_of

if TYPE_CHECKING:
    from explorer.shown import Shown

OPERATORS = {
    "gcn": "GCN",
    "gat": "GAT",
    "gin": "GIN",
    "sage": "GraphSAGE",
    "appnp": "APPNP",
    "elastic": "Elastic",
    "smp": "Smoothness-aware",
}
ACTIVATIONS = {"none": "no activation", "relu": "ReLU", "elu": "ELU"}
SCHEME_TITLES = {
    "qat": "INT",
    "degree-quant": "Degree-Quant ",
    "ptq": "Min/max INT",
    "smp": "SMP INT",
    "sgquant": "SGQuant ",
}
FAMILIES = {"qat": "QAT", "degree-quant": "Degree-Quant", "ptq": "Post-training", "smp": "SMP"}
MODES = {
    "float": "float training",
    "ptq": "post-training quantization",
    "finetune": "finetuned",
    "retrain": "retrained",
}


def recipe_title(recipe: RunSpec) -> str:
    """Return a recipe in one line: scheme, graph, network, mode, seed."""
    return " · ".join(
        (
            scheme_title(recipe),
            graph_title(recipe.graph),
            model_title(recipe),
            MODES[recipe.training.mode],
            f"seed {recipe.seed}",
        )
    )


def job_title(recipe: RunSpec) -> str:
    """Return a recipe in the few words that a queue has room for."""
    return f"{scheme_title(recipe)} · {graph_title(recipe.graph)} · seed {recipe.seed}"


@lru_cache(REMEMBERED)
def scheme_title(recipe: RunSpec) -> str:
    """Return the name of a recipe's preset, or the widths it mixes."""
    name = preset_of(recipe)
    if name != CUSTOM:
        return name
    for scheme_name, title in SCHEME_TITLES.items():
        bits = recipe.quant[0].message.bits
        made = scheme(scheme_name, bits=bits, model=recipe.model)
        if made.quant == recipe.quant:
            protection = recipe.protection
            differs = protection != made.protection
            span = f", p {protection.p_min:g} to {protection.p_max:g}" if differs else ""
            return f"{title}{bits}{span}"
    specs = [spec for layer in recipe.quant for _, spec in layer.items()]
    widths = sorted({bits for spec in specs for bits in spec.widths} - {32})
    if not widths:
        return "FP32, protected"
    span = str(widths[0]) if len(widths) == 1 else f"{widths[0]} to {widths[-1]}"
    return f"Own widths, {span} bits" + _by_degree(recipe)


@lru_cache(REMEMBERED)
def family_title(recipe: RunSpec) -> str:
    """Return the scheme that a recipe's rules come from, whatever its widths."""
    if all(spec.is_float for layer in recipe.quant for _, spec in layer.items()):
        return "FP32"
    return FAMILIES.get(ranges_of(recipe) or "", "Mixed rules") + _by_degree(recipe)


def _by_degree(recipe: RunSpec) -> str:
    """Return what a title ends with where widths depend on the in-degree."""
    return " by degree" if any(layer.is_by_degree for layer in recipe.quant) else ""


def training_title(recipe: RunSpec) -> str:
    """Return how a recipe is trained, and its seed."""
    training = recipe.training
    return f"{training.epochs} epochs, learning rate {training.lr:g}, seed {recipe.seed}"


def model_title(recipe: RunSpec) -> str:
    """Return a network in a few words: operator, layers, hidden features, what is not its habit."""
    model = recipe.model
    if isinstance(model, OwnModel):
        return f"{own_title(model)}, {model.depth} layer{'s' * (model.depth > 1)}"
    parts = [f"{OPERATORS[model.operator]} {model.layers}×{model.hidden}"]
    if model.operator == "gat":
        heads = model.heads or HEADS
        parts.append(f"{heads} head{'s' if heads > 1 else ''}")
    if model.operator == "sage":
        parts.append(model.aggregation or "mean")
    if model.activation is not None:
        parts.append(ACTIVATIONS[model.activation])
    if model.batch_norm is not None:
        parts.append("batch norm" if model.batch_norm else "no batch norm")
    if model.normalization is not None:
        parts.append(normalization_title(model.normalization))
    if model.residual:
        parts.append("residual")
    if model.pool != "none":
        parts.append(f"{model.pool} pool")
    return ", ".join(parts)


def normalization_title(how: Normalization | None) -> str:
    """Return what normalises over the nodes in a few words, with what is not its habit."""
    match how:
        case PairNorm():
            name = "PairNorm by node" if how.by_node else "PairNorm"
            return name if how.scale == PairNorm().scale else f"{name} {how.scale:g}"
        case DiffGroupNorm():
            name = "group norm" if how.groups == DiffGroupNorm().groups else f"{how.groups} groups"
            usual = how.weight == DiffGroupNorm().weight
            return name if usual else f"{name} by {how.weight:g}"
    return "none"


def own_title(model: OwnModel) -> str:
    """Return what a person's own model is called: the beginning of its digest."""
    return f"own model {model.name[4:10]}"


def graph_title(graph: GraphSpec) -> str:
    """Return a graph's name, shortened where it is a digest, with what it is tested on."""
    fold = f", fold {graph.fold or 0}" if graph.name in FOLDED else ""
    return whole_title(graph) + fold


def whole_title(graph: GraphSpec) -> str:
    """Return a graph's name and how it is split, whatever fold is tested on."""
    own = graph.name.startswith("own:")
    return (replace(graph, name=f"own graph {graph.name[4:10]}") if own else graph).title


def size(size_bytes: float) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}" if unit != "B" else f"{size_bytes:.0f} B"
        size_bytes /= 1000
    return f"{size_bytes:.3g} GB"


def latency(milliseconds: float) -> str:
    """Return the time of a forward in the unit that suits it."""
    if milliseconds < 1:
        return f"{1000 * milliseconds:.3g} µs"
    return f"{milliseconds:.3g} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.3g} s"


def duration(seconds: float) -> str:
    """Return a time span in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def percent(share: float) -> str:
    """Return a share of 1 as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign."""
    return f"{100 * difference:+.1f}".replace("-", "−")


def told(merit: Merit, value: float) -> str:
    """Return how good a result is, as text: a percentage, or a number in the targets' unit."""
    return percent(value) if merit.is_share else f"{value:.4g}"


def told_change(merit: Merit, value: float, before: float) -> str:
    """Return the difference of two results with its sign, in percentage points or the unit."""
    if merit.is_share:
        return f"{points(value - before)} points"
    return f"{value - before:+.3g}".replace("-", "−")


def subtitle(shown: Shown, *parts: str) -> str:
    """Return the line under a chart's title: where its numbers come from, and of what."""
    return " · ".join(
        (shown.origin, scheme_title(shown.recipe), graph_title(shown.recipe.graph), *parts)
    )
