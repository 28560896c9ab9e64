"""Uniform widths, and one width for weights with another for the rest."""

from __future__ import annotations

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
    for weight, other in pairs:
        if not purse.runs:
            return

        def choose(choice: Choice, weight: int = weight, other: int = other) -> Option:
            if not choice.is_width:
                return choice.options[0]
            width = weight if choice.name.partition(".")[2] in LEARNED else other
            return width if width in choice.options else min(choice.widths)

        spec = space.spec(choose, request.spec.seed)
        purse.pay((yield (purse.proposal(spec, f"W{weight}A{other}"),)))
