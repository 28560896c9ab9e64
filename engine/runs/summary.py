"""A run in one row: what a list of runs shows, kept in the index as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import Any

from engine.runs.json import from_json, to_json
from engine.runs.record import Run, Status
from engine.spec import ModelSpec, OwnModel, RunSpec, canonical
from engine.spec import loads as loads_spec
from engine.spec.quantization import LEARNED


@dataclass(frozen=True, kw_only=True, eq=False)
class RunSummary:
    """A run without its curves, arrays and files.

    Args:
        key: The spec's key.
        status: ``running``, how the run ended, or why it cannot be read.
        note: The same, a sentence.
        created: When it began, in UTC; for an unreadable run, when its folder last changed.
        seconds: How long it took.
        epochs: Number of epochs recorded.
        metrics: Nested dictionaries of numbers, strings and lists.
        spec_json: The spec's canonical JSON; empty for an unreadable run, as the next five.
        graph: The graph's name.
        model: See `describe_model`.
        bits: Widths in a word, see `describe_bits`.
        mode: How the weights were found.
        seed: The run's seed; None for an unreadable run.
        shipped: Whether it lies in a read-only store that came with the program.
    """

    key: str
    status: Status
    note: str
    created: datetime
    seconds: float = 0.0
    epochs: int = 0
    metrics: dict[str, Any]
    spec_json: str = ""
    graph: str = ""
    model: str = ""
    bits: str = ""
    mode: str = ""
    seed: int | None = None
    shipped: bool = False

    @cached_property
    def spec(self) -> RunSpec | None:
        """What was asked for; None for an unreadable run."""
        return loads_spec(RunSpec, self.spec_json) if self.spec_json else None


def summarize(run: Run) -> RunSummary:
    """Return a run's summary."""
    return RunSummary(
        key=run.key,
        status=run.status,
        note=run.note,
        created=run.created,
        seconds=run.seconds,
        epochs=len(run.epochs),
        metrics=run.metrics,
        spec_json=canonical(run.spec),
        graph=run.spec.graph.name,
        model=describe_model(run.spec.model),
        bits=describe_bits(run.spec),
        mode=run.spec.training.mode,
        seed=run.spec.seed,
    )


def describe_model(model: ModelSpec | OwnModel) -> str:
    """Return operator, layers, hidden features and steps: ``gcn 2×16``, ``smp 2×64 + 10 steps``."""
    if isinstance(model, OwnModel):
        return f"own {model.name[4:10]}"
    steps = f" + {model.propagated} steps" if model.propagated else ""
    return f"{model.operator} {model.layers}×{model.hidden}{steps}"


def describe_bits(spec: RunSpec) -> str:
    """Return the widths in a word: ``FP32``, ``INT8``, ``W4A8``, or ``2–8 bits`` where they vary.

    Widths by in-degree count each, and are told apart by ``by degree``.

    Args:
        spec: The run; final scores left in float are not counted.
    """
    weights: set[int] = set()
    others: set[int] = set()
    bucketed = False
    shapes = spec.model.layer_specs(1, 1)
    for place, (shape, quant) in enumerate(zip(shapes, spec.quant, strict=True), start=1):
        for component in shape.components:
            held = quant[component]
            if component in LEARNED:
                weights.add(held.bits)
            elif component != "output" or place < len(shapes) or not held.is_float:
                others.update(held.widths)
                bucketed = bucketed or bool(held.buckets)
    low, high = min(weights | others), max(weights | others)
    if low == high:
        return "FP32" if low == 32 else f"INT{low}"
    if len(weights) == len(others) == 1:
        return f"W{weights.pop()}A{others.pop()}"
    return f"{low}–{high} bits" + " by degree" * bucketed


def dumps(summary: RunSummary) -> str:
    """Return a summary as JSON text, but for `shipped`, which the reader decides."""
    data = {field.name: getattr(summary, field.name) for field in fields(summary)}
    del data["shipped"]
    data["created"] = summary.created.isoformat()
    data["metrics"] = to_json(summary.metrics, "metrics")
    return json.dumps(data)


def loads(text: str) -> RunSummary:
    """Return the summary in a JSON text.

    Raises:
        ValueError: If the text is not one.
    """
    try:
        data = json.loads(text)
        data["created"] = datetime.fromisoformat(data["created"])
        data["metrics"] = from_json(data["metrics"])
        return RunSummary(**data)
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a summary: {error}") from error
