"""How a method asks for runs: a generator that proposes, and is sent what its proposals came to."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.runs import RunStore
from engine.search import Budget, Proposal, SearchSpec, Trial
from engine.spec import RunSpec, SpecError

MOST_REPEATS = 8
"""Proposals for each that a budget pays for: repeats cost nothing, and have an end all the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Looking:
    """A method is at work by itself.

    Args:
        what: What it does, in a few words.
        done: How much of it is done, 0 to 1.
    """

    what: str
    done: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Aside:
    """A proposal on which nothing depends that the method does next; it may be carried out then.

    Args:
        proposal: The proposal.
    """

    proposal: Proposal


Asked = Looking | Aside | tuple[Proposal, ...]
"""What a method yields: that it is at work, a proposal aside, a batch of proposals."""

Asking = Generator[Asked, Sequence[Trial], None]
"""Yields what it asks for; sent the batch's trials, in its order. A batch is decided by the spec
and by the batches before it, never by who carries it out or what ends first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a method is given.

    Args:
        spec: The search.
        store: Where runs are kept, and own graphs beside them.
        known: Proposals of an earlier, interrupted go at the same search, by number.
        cancelled: Asked between steps.
    """

    spec: SearchSpec
    store: RunStore
    known: Mapping[int, Proposal] = field(default_factory=dict)
    cancelled: Callable[[], bool] = lambda: False


Propose = Callable[[Request], Asking]
"""How a method proposes."""


class SearchCancelled(Exception):
    """The search was asked to stop."""


def too_little(budget: Budget, least: float) -> SpecError:
    """Return the error that a budget does not pay for a single run.

    Args:
        budget: The budget.
        least: Trainings that would.
    """
    accepts = f"at least {least:.4g}, what this method takes for its first run"
    return SpecError("trainings", budget.trainings, accepts)


class Purse:
    """What is left of a budget, and the numbers of what it is spent on.

    Args:
        budget: The budget.
    """

    def __init__(self, budget: Budget) -> None:
        self.left = budget.trainings
        self._number = 0
        self._most = MOST_REPEATS * budget.trainings

    @property
    def runs(self) -> int:
        """How many more runs it pays for; none once too many were repeats."""
        return int(self.left + 1e-9) if self._number < self._most else 0

    def proposal(self, spec: RunSpec, origin: str, searched: float = 0.0) -> Proposal:
        """Return a run as the next proposal."""
        number, self._number = self._number, self._number + 1
        return Proposal(number=number, spec=spec, origin=origin, searched=searched)

    def pay(self, trials: Sequence[Trial]) -> None:
        """Take off what trials cost."""
        self.left -= sum(trial.cost for trial in trials)
