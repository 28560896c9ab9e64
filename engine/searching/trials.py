"""Proposals carried out: here one after the other, or side by side by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path

from engine.events import Cancelled, Diverged, EpochDone
from engine.experiment import RunEnded, complete, run
from engine.integer import AccumulatorOverflow
from engine.runs import RunStore
from engine.search import Proposal
from engine.searching.asking import SearchCancelled
from engine.spec import RunSpec, canonical, loads

Workers = Callable[[], Executor]
"""Opens an executor; a lost one is opened anew."""

MOST_LOSSES = 3
"""How often in a row workers may be lost before any of them finishes a run."""

POLL_S = 0.2
"""How often it is asked whether the search was cancelled while workers work."""


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


CarryOut = Callable[[Sequence[Proposal], RunStore, Callable[[], bool]], Iterator[Progress | Ended]]
"""Carries out proposals into a store until it is cancelled, telling as each ends."""


def here(
    proposals: Sequence[Proposal], store: RunStore, cancelled: Callable[[], bool]
) -> Iterator[Progress | Ended]:
    """Carry out proposals in this process, in order.

    Raises:
        SearchCancelled: If ``cancelled()`` was true.
    """
    for proposal in proposals:
        note = ""
        try:
            for event in run(proposal.spec, store, cancelled):
                if isinstance(event, EpochDone):
                    yield Progress(proposal=proposal, epoch=event.epoch)
                elif isinstance(event, Cancelled):
                    raise SearchCancelled
                elif isinstance(event, Diverged):
                    note = event.note
        except AccumulatorOverflow as error:
            note = str(error)
        yield Ended(proposal=proposal, note=note)


def elsewhere(
    workers: Workers,
    proposals: Sequence[Proposal],
    store: RunStore,
    cancelled: Callable[[], bool],
) -> Iterator[Progress | Ended]:
    """Let workers carry out proposals, as each ends; what a lost worker had is done again.

    Raises:
        SearchCancelled: If ``cancelled()`` was true; what had begun is left to end.
        BrokenExecutor: If workers are lost again and again.
    """
    left, losses = list(proposals), 0
    while left:
        before = len(left)
        with workers() as executor:
            folder = str(store.folder)
            under_way = {
                executor.submit(carry_out, canonical(proposal.spec), folder): proposal
                for proposal in left
            }
            try:
                for future in _as_completed(under_way, cancelled):
                    note = future.result()
                    left.remove(under_way[future])
                    yield Ended(proposal=under_way[future], note=note)
            except BrokenExecutor:
                losses += 1
                if losses == MOST_LOSSES:
                    raise
            finally:
                executor.shutdown(wait=False, cancel_futures=True)
        for future, proposal in under_way.items():  # what ended while workers were being lost
            if proposal in left and not future.cancelled() and not future.exception():
                left.remove(proposal)
                yield Ended(proposal=proposal, note=future.result())
        losses = losses if len(left) == before else 0


def carry_out(spec: str, folder: str) -> str:
    """Carry out a run into a store, in a worker; return why it has no result, if it has none.

    Args:
        spec: The run's canonical JSON.
        folder: The store's folder.
    """
    try:
        complete(loads(RunSpec, spec), RunStore(Path(folder)))
    except (RunEnded, AccumulatorOverflow) as ending:
        return str(ending)
    return ""


def _as_completed(
    futures: dict[Future[str], Proposal], cancelled: Callable[[], bool]
) -> Iterator[Future[str]]:
    pending = set(futures)
    while pending:
        if cancelled():
            raise SearchCancelled
        done, pending = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED)
        yield from done
