"""Mixes of schemes: one thing of a run's quantization changed everywhere it applies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.spec.buckets import with_buckets
from engine.spec.errors import check_choice
from engine.spec.quantization import (
    LEARNED,
    Bucket,
    Component,
    Current,
    Ema,
    Gradient,
    Granularity,
    LearnedRange,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
    Truncation,
)
from engine.spec.run import RunSpec

RULES = ("current", "minmax", "ema", "percentile", "extremum", "learned-step", "learned-range")
"""Range rules by name; ``extremum`` is the percentile rule that keeps the widest, ``learned-range``
multiplies the range of the rule that it replaces."""

TRAINED = ("learned-step", "learned-range")
"""Those that training finds, of weights as well."""


def vary(
    spec: RunSpec,
    *,
    gradient: Gradient | None = None,
    rule: str | None = None,
    granularity: Granularity | None = None,
    momentum: float | None = None,
    tail: float | None = None,
    range_lr: float | None = None,
    truncation: Truncation | None = None,
    buckets: Sequence[Bucket] | None = None,
) -> RunSpec:
    """Return a run with other quantizers of the same widths.

    Args:
        spec: The run.
        gradient: Every quantizer's gradient rule.
        rule: One of `RULES`, for the activations; one of `TRAINED` for weights too.
        granularity: That of the weights.
        momentum: Share of the newest batch, where a rule has one.
        tail: Share cut off at each end, where a rule has one.
        range_lr: Learning rate of steps and ranges, where they are learned.
        truncation: How codes of 2 bits are made, where there are some.
        buckets: Widths by in-degree, of all components of rows of nodes; see `with_buckets`.

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
        if rule is not None and (component not in LEARNED or rule in TRAINED):
            held = replace(held, range=_rule(rule, held))
        observed = held.observes
        if momentum is not None and isinstance(observed, Ema | Percentile):
            observed = replace(observed, momentum=momentum)
        if tail is not None and isinstance(observed, Percentile):
            observed = replace(observed, tail=tail)
        if isinstance(held.range, LearnedRange) and observed is not None:
            held = replace(held, range=replace(held.range, base=observed))
        elif observed is not None:
            held = replace(held, range=observed)
        if range_lr is not None and isinstance(held.range, LearnedStep | LearnedRange):
            held = replace(held, range=replace(held.range, lr=range_lr))
        if truncation is not None and held.bits == 2:
            held = replace(held, truncation=truncation)
        return held

    changed = replace(spec, quant=tuple(layer.map(change) for layer in spec.quant))
    return changed if buckets is None else with_buckets(changed, buckets)


def _rule(name: str, held: QuantSpec) -> RangeRule:
    """Return a rule by name; what it shares with the one it replaces is kept."""
    observed = held.observes
    remembered = observed if isinstance(observed, Ema | Percentile) else Ema(momentum=0.1)
    tail = observed.tail if isinstance(observed, Percentile) else 0.001
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
        case "learned-range":
            return LearnedRange(base=observed or remembered)
    return LearnedStep()
