"""Which rules suit which operator and width: every mix of Degree-Quant's and plain QAT's parts.

Source:
    Tailor et al., Degree-Quant: Quantization-Aware Training for Graph Neural Networks, ICLR 2021.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from engine.reproduce.degree_quant import MODELS
from engine.reproduce.study import Cell, Row, Study
from engine.spec import (
    Gradient,
    Granularity,
    GraphSpec,
    ModelSpec,
    Operator,
    Protection,
    TrainingSpec,
    scheme,
    vary,
)

GRAPHS = ("Cora", "CiteSeer")
BITS = (8, 4, 2)
SHAPES: dict[Operator, ModelSpec] = {**MODELS, "sage": ModelSpec(operator="sage", hidden=16)}
GRADIENTS: tuple[Gradient, ...] = ("ste", "gc")
Rule = Literal["ema", "percentile", "learned-range"]
RULES: tuple[Rule, ...] = ("ema", "percentile")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mix:
    """One choice of each part.

    Args:
        gradient: What training lets through where a value was cut off.
        rule: How ranges of activations are found; learned ones, of weights too, are those of the
            scheme smp, with its tails and protection at 2 bits, and without a float model.
        is_protected: Whether nodes stay in float now and then, by their degree.
        granularity: Whether each column of a weight has a scale of its own.
    """

    gradient: Gradient = "gc"
    rule: Rule = "percentile"
    is_protected: bool = True
    granularity: Granularity = "channel"

    @property
    def title(self) -> str:
        """The mix in words."""
        parts = (
            {"ste": "STE", "gc": "GC"}[self.gradient],
            {"ema": "EMA", "percentile": "percentile", "learned-range": "learned"}[self.rule],
            "protected" if self.is_protected else "unprotected",
            *["weights of one scale"] * (self.granularity == "tensor"),
        )
        return ", ".join(parts)


DEGREE_QUANT = _Mix()
MIXES = (
    *(
        _Mix(gradient=gradient, rule=rule, is_protected=is_protected)
        for gradient, rule, is_protected in product(GRADIENTS, RULES, (False, True))
    ),
    replace(DEGREE_QUANT, granularity="tensor"),
    _Mix(rule="learned-range"),
)

NOTES = (
    "What `scheme(…)` should do by itself: every mix of gradient rule, range rule and degree",
    "protection, and Degree-Quant's with one scale for each weight instead of one for each of its",
    "columns, and with learned ranges (the scheme smp, not distilled). Networks and training are",
    "those of `graphbits reproduce degree-quant`; sage has 16 hidden features. A mix is better",
    "where its *validation* accuracy is: the sentences below go by that alone. Accuracy of the",
    "integer path on the test nodes stands beside it, in percent, mean ± sd over seeds 0, 1, ….",
    "Degree-Quant's rules are GC, percentile, protected, plain QAT's STE, EMA, unprotected.",
)


def defaults(*, seeds: int = 10, epochs: int | None = None, smoke: bool = False) -> Study:
    """Return the study.

    Args:
        seeds: Runs of each cell.
        epochs: Instead of 200.
        smoke: The same on a tiny embedded graph for a few epochs: that it runs, not what it says.
    """
    training = TrainingSpec(epochs=epochs or (3 if smoke else 200))
    return Study(
        name="defaults",
        title="Which rules for which operator and width",
        notes=NOTES,
        cells=tuple(
            _cell(graph, operator, model, bits, mix, training, seeds)
            for graph in (("karate",) if smoke else GRAPHS)
            for operator, model in SHAPES.items()
            for bits in BITS
            for mix in MIXES
        ),
        closing=what_is_best,
    )


def what_is_best(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the mix of the best validation accuracy for each graph, operator and width.

    Args:
        rows: What has been run.
    """
    settings: dict[tuple[str, str, str], dict[str, Row]] = {}
    for row in rows:
        width, mix = row.cell.scheme.split(", ", 1)
        settings.setdefault((row.cell.graph, row.cell.model, width), {})[mix] = row
    return tuple(
        f"{graph}, {model}, {width}: {_best(of_mixes)}"
        for (graph, model, width), of_mixes in settings.items()
        if DEGREE_QUANT.title in of_mixes and len(of_mixes) > 1
    )


def _best(of_mixes: dict[str, Row]) -> str:
    best = max(of_mixes, key=lambda mix: of_mixes[mix].validation)
    own = of_mixes[DEGREE_QUANT.title]
    if best == DEGREE_QUANT.title:
        return f"Degree-Quant's rules are the best of {len(of_mixes)}."
    told = {held.seed: held.validation for held in own.measured}
    gains = [
        100 * (held.validation - told[held.seed])
        for held in of_mixes[best].measured
        if held.seed in told
    ]
    error = statistics.stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
    return (
        f"{best} is the best of {len(of_mixes)}, {statistics.fmean(gains):+.2f} points over "
        f"Degree-Quant's rules on validation (standard error {error:.2f}, {len(gains)} seeds)."
    )


def _cell(
    graph: str,
    operator: Operator,
    model: ModelSpec,
    bits: int,
    mix: _Mix,
    training: TrainingSpec,
    seeds: int,
) -> Cell:
    is_learned = mix.rule == "learned-range"
    made = scheme(
        "smp" if is_learned else "degree-quant",
        bits=bits,
        graph=GraphSpec(name=graph),
        model=model,
        protection=None if mix.is_protected else Protection(),
        training=training,
    )
    rule = None if is_learned else mix.rule
    spec = vary(made, gradient=mix.gradient, rule=rule, granularity=mix.granularity)
    return Cell(
        graph=graph,
        model=f"{operator} {model.layers}×{model.hidden}",
        scheme=f"{bits} bits, {mix.title}",
        runs=tuple(replace(spec, seed=seed) for seed in range(seeds)),
    )
