"""Compile the kernels before a page waits for them."""

from __future__ import annotations

import time

from engine.runs import RunStore
from engine.spec import RunSpec
from explorer.answers import Answers
from explorer.packaged import stores

NOTICEABLE_S = 3.0


def warm(recipe: RunSpec) -> None:
    """Work out a recipe once in this process; what it compiles is cached on disk for all others.

    Args:
        recipe: What a page opens with. Where neither its run nor its float model is shipped,
            nothing is compiled.
    """
    start = time.monotonic()
    print(
        "Preparing the integer kernels; the first time on a machine they are compiled …", flush=True
    )
    Answers(RunStore(shipped=stores())).answer(recipe)
    if time.monotonic() - start > NOTICEABLE_S:
        print(f"… which took {time.monotonic() - start:.0f} s.", flush=True)
