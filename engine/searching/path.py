"""The one path a search takes: asked, proposed, carried out, written down, answered."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from engine.runs import RunStore, StoreError
from engine.search import (
    Chance,
    Greedy,
    Lpgnas,
    Nsga2,
    Proposal,
    Relaxed,
    SearchLog,
    SearchSpec,
    Sgquant,
    Tpe,
    Trial,
    Uniform,
    best,
)
from engine.searching import chance, gradient, greedy, optuna, sgquant, uniform
from engine.searching.asking import Asking, Looking, Propose, Request, SearchCancelled
from engine.searching.trials import CarryOut, Ended, Progress, Workers, elsewhere, here

PROPOSERS: Mapping[type, Propose] = {
    Chance: chance.propose,
    Greedy: greedy.propose,
    Lpgnas: gradient.propose,
    Nsga2: optuna.propose,
    Relaxed: gradient.propose,
    Sgquant: sgquant.propose,
    Tpe: optuna.propose,
    Uniform: uniform.propose,
}
"""How each method proposes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposed:
    """A run is proposed, now or in an earlier go."""

    proposal: Proposal


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """What came of a proposal is known, and written down.

    Args:
        trial: The trial.
        spent: Trainings' worth of work so far.
    """

    trial: Trial
    spent: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The search is over.

    Args:
        key: Its key.
        trials: All its trials, in the order of their proposals.
    """

    key: str
    trials: tuple[Trial, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopped:
    """The search was cancelled; the same search goes on from here when it is asked again.

    Args:
        key: Its key.
    """

    key: str


Event = Looking | Proposed | Progress | Tried | Answered | Stopped


def search(
    spec: SearchSpec,
    store: RunStore,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    workers: Workers | None = None,
) -> Iterator[Event]:
    """Carry out a search, or what is left of it, yielding what happens; the last event ends it.

    What it finds depends on the spec alone, not on who carries out its runs, nor on whether it was
    interrupted: its proposals and trials are written down as they are known, and the runs are in
    the store.

    Args:
        spec: The search.
        store: Where runs are kept, and the search beside them.
        cancelled: Asked between steps.
        workers: Opens an executor for the runs; None carries them out here, one after the other.

    Raises:
        GraphError: If the graph cannot be had, or is not one to learn on.
        StoreError: If the store cannot be written, or another process is at the same search.
        BrokenExecutor: If workers are lost again and again.
        ValueError: If a one-shot search leaves the finite numbers.
    """
    log = SearchLog(spec, store.folder)
    with log.writing():
        try:
            yield from _Search(log, store, cancelled, workers).events()
        except SearchCancelled:
            yield Stopped(key=spec.key)


def answer(spec: SearchSpec, store: RunStore | None = None) -> Trial:
    """Carry out a search, and return its answer: the best by validation that the budget allows.

    Args:
        spec: The search.
        store: Where runs are kept; a person's own store by default.

    Raises:
        SpecError: If no trial is within the budget's sizes.
    """
    *_, ending = search(spec, RunStore() if store is None else store)
    assert isinstance(ending, Answered)
    budget = spec.budget
    return best(ending.trials, model_bytes=budget.model_bytes, buffer_bytes=budget.buffer_bytes)


class _Search:
    """A search that is going on."""

    def __init__(
        self,
        log: SearchLog,
        store: RunStore,
        cancelled: Callable[[], bool],
        workers: Workers | None,
    ) -> None:
        self._log, self._store, self._cancelled = log, store, cancelled
        self._known = {proposal.number: proposal for proposal in log.proposals}
        self._done = {trial.proposal.number: trial for trial in log.trials}
        self._seen: set[str] = set()
        self._spent = 0.0
        self._carry_out: CarryOut = here if workers is None else partial(elsewhere, workers)

    def events(self) -> Iterator[Event]:
        spec = self._log.spec
        known = dict(self._known)
        asking = PROPOSERS[type(spec.method)](
            Request(spec=spec, store=self._store, known=known, cancelled=self._cancelled)
        )
        trials: list[Trial] = []
        with closing(asking):
            asked = _sent(asking, None)
            while asked is not None:
                if self._cancelled():
                    raise SearchCancelled
                known_now: Sequence[Trial] = ()
                if isinstance(asked, Looking):
                    yield asked
                else:
                    known_now = yield from self._tried(asked)
                    trials += known_now
                asked = _sent(asking, known_now)
        self._log.end()
        yield Answered(key=spec.key, trials=tuple(trials))

    def _tried(self, asked: Sequence[Proposal]) -> Generator[Event, None, Sequence[Trial]]:
        """Carry out what is not known yet of a batch; return its trials in order."""
        costs = {}
        for proposal in asked:
            costs[proposal.number] = self._cost(proposal)
            self._write_down(proposal)
            yield Proposed(proposal=proposal)
        for proposal in asked:
            if proposal.number in self._done:
                yield self._paid(self._done[proposal.number])
        new = [proposal for proposal in asked if proposal.number not in self._done]
        for event in self._carry_out(new, self._store, self._cancelled):
            if isinstance(event, Progress):
                yield event
            else:
                trial = self._trial(event, costs[event.proposal.number])
                self._log.add(trial)
                self._done[event.proposal.number] = trial
                yield self._paid(trial)
        return [self._done[proposal.number] for proposal in asked]

    def _write_down(self, proposal: Proposal) -> None:
        held = self._known.get(proposal.number)
        if held is None:
            self._known[proposal.number] = proposal
            self._log.add(proposal)
        elif held != proposal:
            raise StoreError(
                f"Search {self._log.spec.key[:12]} was begun by another version of graphbits, and "
                f"proposed otherwise. To begin again, remove {self._log.folder}."
            )

    def _cost(self, proposal: Proposal) -> float:
        """Return what a proposal costs; a run that was proposed before costs nothing again."""
        run = 0.0 if proposal.spec.key in self._seen else 1.0
        self._seen.add(proposal.spec.key)
        return proposal.searched + run

    def _paid(self, trial: Trial) -> Tried:
        self._spent += trial.cost
        return Tried(trial=trial, spent=self._spent)

    def _trial(self, ended: Ended, cost: float) -> Trial:
        proposal = ended.proposal
        if ended.note:
            return Trial(proposal=proposal, cost=cost, note=ended.note)
        run = self._store.answer(proposal.spec.key)
        if run is None:
            raise StoreError(f"Run {proposal.spec.key[:12]} is no longer in the store.")
        return Trial.of(proposal, run.metrics, cost=cost, seconds=run.seconds)


def _sent(asking: Asking, trials: Sequence[Trial] | None) -> Looking | tuple[Proposal, ...] | None:
    """Tell a method what its proposals came to; return what it does next, None at its end."""
    try:
        return next(asking) if trials is None else asking.send(trials)
    except StopIteration:
        return None
