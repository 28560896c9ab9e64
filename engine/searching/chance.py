"""Random search."""

from __future__ import annotations

import numpy as np

from engine.searching.asking import Asking, Purse, Request


def propose(request: Request) -> Asking:
    """Propose as many runs as the budget pays for, each option of a choice as likely."""
    spec, purse = request.spec, Purse(request.spec.budget)
    rng = np.random.default_rng(spec.seed)
    while purse.runs:
        batch = tuple(
            purse.proposal(
                spec.space.spec(lambda c: c.options[rng.integers(len(c.options))], spec.seed),
                "drawn",
            )
            for _ in range(purse.runs)
        )
        purse.pay((yield batch))
