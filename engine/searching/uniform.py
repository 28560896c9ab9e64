"""Uniform widths, and one width for weights with another for the rest."""

from __future__ import annotations

from functools import partial

from engine.search import Choice, Option
from engine.searching.asking import Asking, Purse, Request
from engine.spec.quantization import LEARNED


def propose(request: Request) -> Asking:
    """Propose each width for everything that accepts it, then each pair, the likest widths first.

    What does not accept it has its own narrowest.
    """
    space, purse = request.spec.space, Purse(request.spec.budget)
    widths = space.widths
    pairs = [(weight, other) for weight in widths for other in widths]
    pairs.sort(key=lambda pair: abs(widths.index(pair[0]) - widths.index(pair[1])))
    while pairs and purse.runs:
        asked, pairs = pairs[: purse.runs], pairs[purse.runs :]
        batch = tuple(
            purse.proposal(space.spec(partial(_choose, *pair), request.spec.seed), _title(*pair))
            for pair in asked
        )
        purse.pay((yield batch))


def _title(weight: int, other: int) -> str:
    return f"W{weight}A{other}"


def _choose(weight: int, other: int, choice: Choice) -> Option:
    if not choice.is_width:
        return choice.options[0]
    width = weight if choice.name.partition(".")[2] in LEARNED else other
    return width if width in choice.options else min(choice.widths)
