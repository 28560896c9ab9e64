"""How much of its budget a search has spent, while it is under way."""

from __future__ import annotations

from engine.search import SearchSpec
from engine.searching.path import Event, Tried
from engine.searching.trials import Progress


class Spending:
    """Trainings' worth of work that a search has done, by what it says.

    Args:
        spec: The search.
    """

    def __init__(self, spec: SearchSpec) -> None:
        self._epochs, self._budget = spec.space.training.epochs, spec.budget.trainings
        self._known = 0.0
        self._under_way: dict[int, float] = {}

    def hear(self, event: Event) -> None:
        """Take what the search says."""
        if isinstance(event, Progress):
            self._under_way[event.proposal.number] = event.epoch / self._epochs
        elif isinstance(event, Tried):
            self._known = event.spent
            self._under_way.pop(event.trial.proposal.number, None)

    @property
    def trainings(self) -> float:
        """Those that are known, and of each under way the share that is done."""
        return self._known + sum(self._under_way.values())

    @property
    def share(self) -> float:
        """The share of the budget, at most 1."""
        return min(1.0, self.trainings / self._budget)
