"""Widths lowered one by one, by what each does to the float model's validation loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from engine.analysis import Study
from engine.search import Space
from engine.searching.asking import Asking, Looking, Purse, Request, too_little
from engine.searching.twin import judged, trained
from engine.spec import RunSpec, float_twin

Widths = Mapping[str, int]
"""A width for each choice, by name."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a quantization of the float model comes to.

    Args:
        loss: Its integers' mean loss on the validation units.
        size_bytes: Its model and its buffers.
    """

    loss: float
    size_bytes: int


def propose(request: Request) -> Asking:
    """Propose runs on the way from the widest everywhere to the narrowest, evenly spread over it.

    The float model counts as a training, each look at a quantization of it as a step.

    Raises:
        SpecError: If the budget pays for no more than that.
    """
    if request.known:
        yield tuple(request.known[number] for number in sorted(request.known))
        return
    spec, purse = request.spec, Purse(request.spec.budget)
    space = spec.space
    wanted = [(choice.name, w) for choice in space.choices(space.model) for w in choice.widths]
    searched = 1 + len(wanted) / space.training.epochs
    runs = int(purse.left - searched + 1e-9)
    if runs < 1:
        raise too_little(spec.budget, searched + 1)
    twin = float_twin(_spec(space, widest(space), spec.seed))
    study, units = judged((yield from trained(twin, request)), request)
    effects: dict[tuple[str, int], Effect] = {}
    for name, width in wanted:
        yield Looking(what="effect of widths", done=len(effects) / len(wanted))
        lowered = _spec(space, {**widest(space), name: width}, spec.seed)
        effects[name, width] = _effect(study, units, lowered)
    path = way(space, effects)
    places = np.linspace(0, len(path) - 1, min(len(path), runs)).round().astype(int).tolist()
    yield tuple(
        purse.proposal(
            _spec(space, path[place], spec.seed),
            f"step {place} of {len(path) - 1}",
            searched if place == 0 else 0.0,
        )
        for place in places
    )


def widest(space: Space) -> dict[str, int]:
    """Return the largest width for each choice of the usual network."""
    return {choice.name: max(choice.widths) for choice in space.choices(space.model)}


def way(space: Space, effects: Mapping[tuple[str, int], Effect]) -> list[Widths]:
    """Return the widths from step to step: what adds least loss for a byte that it saves is next.

    Args:
        space: What is chosen from.
        effects: Of each choice at each width, all others at the widest.
    """
    lower = {
        choice.name: dict(pairwise(sorted(choice.widths, reverse=True)))
        for choice in space.choices(space.model)
    }
    held = widest(space)
    path: list[Widths] = [dict(held)]

    def price(name: str) -> float:
        now, then = effects[name, held[name]], effects[name, lower[name][held[name]]]
        return (then.loss - now.loss) / max(now.size_bytes - then.size_bytes, 1)

    while able := [name for name, width in held.items() if width in lower[name]]:
        name = min(able, key=price)
        held[name] = lower[name][held[name]]
        path.append(dict(held))
    return path


def _spec(space: Space, widths: Widths, seed: int) -> RunSpec:
    return space.spec(lambda c: widths[c.name] if c.is_width else c.options[0], seed)


def _effect(study: Study, units: NDArray[np.bool_], spec: RunSpec) -> Effect:
    analysis = study.preview(spec.quant)
    plan = analysis.plan
    loss = _loss(plan.run()[units], study.graph.labels[units])
    return Effect(loss, plan.model_bytes + plan.buffer_bytes)


def _loss(outputs: NDArray[Any], y: NDArray[Any]) -> float:
    """Return the mean cross entropy of classes, [U], or absolute error of targets, [U, T]."""
    if y.dtype.kind == "f":
        return float(np.abs(outputs - y).mean())
    return float((logsumexp(outputs, axis=1) - outputs[np.arange(len(y)), y]).mean())
