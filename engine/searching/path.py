"""The one path a search takes: asked, proposed, carried out, written down, answered."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from engine.dispatch import Dispatcher, Workers
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
from engine.searching.asking import (
    Aside,
    Asked,
    Asking,
    Looking,
    Propose,
    Request,
    SearchCancelled,
)
from engine.searching.trials import Elsewhere, Ended, Hands, Here, Progress

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

    What it finds depends on the spec alone, not on who carries out its runs, how many do or which
    of them ends first, nor on whether it was interrupted: a method proposes a batch from what the
    batches before it came to, in the order of its proposals. Proposals and trials are written down
    as they are known, and the runs are in the store.

    Args:
        spec: The search.
        store: Where runs are kept, and the search beside them.
        cancelled: Asked between steps.
        workers: Carry out the runs side by side; None carries them out here, one after the other.

    Raises:
        GraphError: If the graph cannot be had, or is not one to learn on.
        StoreError: If the store cannot be written, or another process is at the same search.
        SpecError: If the workers cannot be had.
        WorkersLost: If workers are lost again and again.
        ValueError: If a one-shot search leaves the finite numbers.
    """
    log = SearchLog(spec, store.folder)
    with log.writing(), ExitStack() as stack:
        hands: Hands = Here(store, cancelled)
        if workers is not None:
            hands = Elsewhere(stack.enter_context(Dispatcher(workers, store)), cancelled)
        try:
            ending: Event = yield from _Search(log, store, cancelled, hands).events()
        except SearchCancelled:
            ending = Stopped(key=spec.key)
    yield ending  # whoever hears of it may look at the search, or go on with it, at once


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
        self, log: SearchLog, store: RunStore, cancelled: Callable[[], bool], hands: Hands
    ) -> None:
        self._log, self._store, self._cancelled, self._hands = log, store, cancelled, hands
        self._known = {proposal.number: proposal for proposal in log.proposals}
        self._done = {trial.proposal.number: trial for trial in log.trials}
        self._costs: dict[int, float] = {}
        self._seen: set[str] = set()
        self._spent = 0.0

    def events(self) -> Generator[Event, None, Answered]:
        spec = self._log.spec
        known = dict(self._known)
        asking = PROPOSERS[type(spec.method)](
            Request(spec=spec, store=self._store, known=known, cancelled=self._cancelled)
        )
        with closing(asking):
            asked = _sent(asking, None)
            while asked is not None:
                if self._cancelled():
                    raise SearchCancelled
                trials: Sequence[Trial] = ()
                if isinstance(asked, Looking):
                    yield asked
                elif isinstance(asked, Aside):
                    yield from self._proposed([asked.proposal])
                else:
                    yield from self._proposed(asked)
                    yield from self._tried(self._hands.follow())
                    trials = [self._done[proposal.number] for proposal in asked]
                yield from self._tried(self._hands.told())
                asked = _sent(asking, trials)
        yield from self._tried(self._hands.follow())
        self._log.end()
        return Answered(
            key=spec.key, trials=tuple(self._done[number] for number in sorted(self._costs))
        )

    def _proposed(self, asked: Sequence[Proposal]) -> Iterator[Event]:
        """Have carried out what is not known yet of what a method asks for."""
        for proposal in asked:
            self._costs[proposal.number] = self._cost(proposal)
            self._write_down(proposal)
            yield Proposed(proposal=proposal)
        for proposal in asked:
            if proposal.number in self._done:
                yield self._paid(self._done[proposal.number])
        self._hands.take(proposal for proposal in asked if proposal.number not in self._done)

    def _tried(self, told: Iterator[Progress | Ended]) -> Iterator[Event]:
        """Write down what proposals come to."""
        for event in told:
            if isinstance(event, Progress):
                yield event
            else:
                number = event.proposal.number
                trial = self._done[number] = self._trial(event, self._costs[number])
                self._log.add(trial)
                yield self._paid(trial)

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


def _sent(asking: Asking, trials: Sequence[Trial] | None) -> Asked | None:
    """Tell a method what its proposals came to; return what it does next, None at its end."""
    try:
        return next(asking) if trials is None else asking.send(trials)
    except StopIteration:
        return None
