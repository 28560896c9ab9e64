"""Mixes of schemes: one thing of a run's quantization changed everywhere it applies."""

from __future__ import annotations

from dataclasses import replace

from engine.spec.errors import check_choice
from engine.spec.quantization import (
    LEARNED,
    Component,
    Current,
    Ema,
    Gradient,
    Granularity,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)
from engine.spec.run import RunSpec

RULES = ("current", "minmax", "ema", "percentile", "extremum", "learned-step")
"""Range rules by name; ``extremum`` is the percentile rule that keeps the widest."""


def vary(
    spec: RunSpec,
    *,
    gradient: Gradient | None = None,
    rule: str | None = None,
    granularity: Granularity | None = None,
    momentum: float | None = None,
    tail: float | None = None,
) -> RunSpec:
    """Return a run with other quantizers of the same widths.

    Args:
        spec: The run.
        gradient: Every quantizer's gradient rule.
        rule: One of `RULES`, for the activations; ``learned-step`` for weights too.
        granularity: That of the weights.
        momentum: Share of the newest batch, where a rule has one.
        tail: Share cut off at each end, where a rule has one.

    Raises:
        SpecError: Naming what is invalid.
    """
    if rule is not None:
        check_choice("rule", rule, RULES)

    def change(component: Component, held: QuantSpec) -> QuantSpec:
        if held.is_float:
            return held
        if gradient is not None:
            held = replace(held, gradient=gradient)
        if granularity is not None and component == "weight":
            held = replace(held, granularity=granularity)
        if rule is not None and (component not in LEARNED or rule == "learned-step"):
            held = replace(held, range=_rule(rule, held))
        if momentum is not None and isinstance(held.range, Ema | Percentile):
            held = replace(held, range=replace(held.range, momentum=momentum))
        if tail is not None and isinstance(held.range, Percentile):
            held = replace(held, range=replace(held.range, tail=tail))
        return held

    return replace(spec, quant=tuple(layer.map(change) for layer in spec.quant))


def _rule(name: str, held: QuantSpec) -> RangeRule:
    """Return a rule by name; what it shares with the one it replaces is kept."""
    remembered = held.range if isinstance(held.range, Ema | Percentile) else Ema(momentum=0.1)
    tail = held.range.tail if isinstance(held.range, Percentile) else 0.001
    match name:
        case "current":
            return Current()
        case "minmax":
            return MinMax()
        case "ema":
            return Ema(momentum=remembered.momentum)
        case "percentile":
            return Percentile(tail=tail, momentum=remembered.momentum)
        case "extremum":
            return Percentile(tail=tail, running="extremum", momentum=remembered.momentum)
    return LearnedStep()
