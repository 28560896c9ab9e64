"""What people look at first, and the kernels for it compiled before a page waits for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import get_args

from engine.runs import RunStore
from engine.spec import PROPAGATIONS, Component, Operator, RunSpec
from explorer.answers import Answers
from explorer.edits import with_model
from explorer.packaged import stores
from explorer.precompute import neighbours
from explorer.presets import DEFAULT
from explorer.widths import with_bits

OPERATORS: tuple[Operator, ...] = get_args(Operator)
COMPONENTS: tuple[Component, ...] = ("input", "weight", "message")
NOTICEABLE_S = 3.0


def expected() -> list[RunSpec]:
    """Return what people look at first: the default, its presets, other networks and widths."""
    networks = [with_model(DEFAULT, operator=operator) for operator in (*OPERATORS, *PROPAGATIONS)]
    widths = [
        with_bits(DEFAULT, range(1), component, bits, "degree-quant")
        for component in COMPONENTS
        for bits in (8, 4, 2)
    ]
    return [*neighbours(DEFAULT), *networks, *widths]


def warm(recipes: Sequence[RunSpec]) -> None:
    """Work out recipes once in this process; what they compile is cached on disk for all others.

    Args:
        recipes: What a page opens with, and what may follow. Where neither the run of one nor its
            float model is shipped, nothing is compiled.
    """
    start = time.monotonic()
    print(
        "Preparing the integer kernels; the first time on a machine they are compiled …", flush=True
    )
    answers = Answers(RunStore(shipped=stores()))
    for recipe in recipes:
        answers.answer(recipe)
    if time.monotonic() - start > NOTICEABLE_S:
        print(f"… which took {time.monotonic() - start:.0f} s.", flush=True)
