"""Searches carried out: every method behind one path, its runs in the one store.

*_, ending = search(SearchSpec(space=Space(graph=GraphSpec(name="Cora"))), RunStore())
front(ending.trials)
"""

from __future__ import annotations

from engine.searching.asking import Looking
from engine.searching.path import (
    Answered,
    Event,
    Proposed,
    Stopped,
    Tried,
    answer,
    search,
)
from engine.searching.spending import Spending
from engine.searching.trials import Ended, Progress

__all__ = [
    "Answered",
    "Ended",
    "Event",
    "Looking",
    "Progress",
    "Proposed",
    "Spending",
    "Stopped",
    "Tried",
    "answer",
    "search",
]
