"""Compile the kernels before a page waits for them."""

from __future__ import annotations

import time
from collections.abc import Sequence

from engine.runs import RunStore
from engine.spec import RunSpec
from explorer.answers import Answers
from explorer.packaged import stores

NOTICEABLE_S = 3.0


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
