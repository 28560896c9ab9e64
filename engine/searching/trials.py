"""Proposals carried out: here one after the other, or side by side by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from engine.dispatch import Dispatcher
from engine.dispatch.dispatcher import Told
from engine.events import Cancelled, Diverged, EpochDone, Failed, Finished
from engine.experiment import run
from engine.integer import AccumulatorOverflow
from engine.runs import RunStore
from engine.search import Proposal
from engine.searching.asking import SearchCancelled


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A proposal's run has ended: it is in the store, or the note says why there is no result.

    Args:
        proposal: The proposal.
        note: Empty where it finished.
    """

    proposal: Proposal
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """An epoch of a proposal's run is done.

    Args:
        proposal: The proposal.
        epoch: The epoch, from 1.
    """

    proposal: Proposal
    epoch: int


class Hands(Protocol):
    """Carry out proposals into a store."""

    def take(self, proposals: Iterable[Proposal]) -> None:
        """Take proposals."""

    def told(self) -> Iterator[Progress | Ended]:
        """Yield what there is to say before anything else is done.

        Raises:
            SearchCancelled: If the search was cancelled.
        """

    def follow(self) -> Iterator[Progress | Ended]:
        """Yield what happens until all proposals that were taken have ended.

        Raises:
            SearchCancelled: If the search was cancelled.
        """


class Here:
    """This process, which carries out one proposal after the other.

    Args:
        store: Where the runs are kept.
        cancelled: Asked between steps.
    """

    def __init__(self, store: RunStore, cancelled: Callable[[], bool]) -> None:
        self._store, self._cancelled = store, cancelled
        self._left: list[Proposal] = []

    def take(self, proposals: Iterable[Proposal]) -> None:
        """Take proposals."""
        self._left += proposals

    def told(self) -> Iterator[Progress | Ended]:
        """Carry out what was taken: nobody else does meanwhile."""
        return self.follow()

    def follow(self) -> Iterator[Progress | Ended]:
        """Carry out what was taken, in order.

        Raises:
            SearchCancelled: If ``cancelled()`` was true.
        """
        while self._left:
            proposal = self._left.pop(0)
            note = ""
            try:
                for event in run(proposal.spec, self._store, self._cancelled):
                    if isinstance(event, EpochDone):
                        yield Progress(proposal=proposal, epoch=event.epoch)
                    elif isinstance(event, Cancelled):
                        raise SearchCancelled
                    elif isinstance(event, Diverged):
                        note = event.note
            except AccumulatorOverflow as error:
                note = str(error)
            yield Ended(proposal=proposal, note=note)


class Elsewhere:
    """Workers, which carry out all proposals that were taken side by side.

    Args:
        dispatcher: Hands them the runs.
        cancelled: Asked several times a second.
    """

    def __init__(self, dispatcher: Dispatcher, cancelled: Callable[[], bool]) -> None:
        self._dispatcher, self._cancelled = dispatcher, cancelled
        self._proposals: dict[str, list[Proposal]] = {}

    def take(self, proposals: Iterable[Proposal]) -> None:
        """Have workers carry out proposals; of two with the same run, one carries it out."""
        taken = list(proposals)
        for proposal in taken:
            self._proposals.setdefault(proposal.spec.key, []).append(proposal)
        self._dispatcher.begin(dict.fromkeys(proposal.spec for proposal in taken))

    def told(self) -> Iterator[Progress | Ended]:
        """Yield what workers have said since."""
        return self._heard(self._dispatcher.told())

    def follow(self) -> Iterator[Progress | Ended]:
        """Yield what workers say until all have ended.

        Raises:
            SearchCancelled: If ``cancelled()`` was true.
        """
        return self._heard(self._dispatcher.follow(self._cancelled))

    def _heard(self, told: Iterator[Told]) -> Iterator[Progress | Ended]:
        for spec, event in told:
            if isinstance(event, EpochDone):
                yield Progress(proposal=self._proposals[spec.key][0], epoch=event.epoch)
            elif isinstance(event, Cancelled):
                raise SearchCancelled
            elif isinstance(event, Finished | Diverged | Failed):
                note = "" if isinstance(event, Finished) else event.note
                for proposal in self._proposals.pop(spec.key):
                    yield Ended(proposal=proposal, note=note)
