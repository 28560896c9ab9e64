"""Searches of one's own store and those shipped, each read again only when it has grown."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from engine.runs import StoreError
from engine.search import (
    Option,
    SearchLog,
    SearchSpec,
    Space,
    Trial,
    leanest,
    name_of,
    searches,
)
from engine.search.log import TRIALS
from engine.spec import RunSpec, SpecError
from explorer.captions import graph_title

REMEMBERED = 4000
"""Runs whose keys and choices are; a chart asks for those of all its points at every drawing."""
METHOD_TITLES = {
    "lpgnas": "LPGNAS",
    "uniform": "Uniform widths",
    "random": "Random",
    "tpe": "TPE",
    "nsga2": "NSGA-II",
    "greedy": "Greedy",
    "relaxed": "Relaxed",
    "sgquant": "SGQuant",
}
"""The methods' names in a sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What is known of a search.

    Args:
        spec: The search.
        trials: What is known of its proposals.
        is_over: Whether it spent its budget.
        is_going_on: Whether a process is at it.
        shipped: Whether it came with the program.
    """

    spec: SearchSpec
    trials: tuple[Trial, ...]
    is_over: bool
    is_going_on: bool
    shipped: bool

    @property
    def method(self) -> str:
        """Its method's title."""
        return METHOD_TITLES[name_of(self.spec.method)]

    @property
    def title(self) -> str:
        """Its name in a list."""
        spent, budget = sum(trial.cost for trial in self.trials), self.spec.budget.trainings
        widths = ", ".join(map(str, self.spec.space.widths))
        how = f"{len(self.trials)} run{'s' * (len(self.trials) != 1)}"
        if self.is_going_on:
            how += ", going on"
        elif not self.is_over:
            how += f", stopped after {spent:.3g} of {budget:g} trainings"
        elif self.shipped:
            how += ", shipped"
        return f"{self.method} · widths {widths} · seed {self.spec.seed} · {how}"

    @property
    def name(self) -> str:
        """Its name among searches on other graphs."""
        return f"{self.method} on {graph_title(self.spec.space.graph)}, seed {self.spec.seed}"

    @property
    def answer(self) -> Trial | None:
        """The smallest run that gives little accuracy away; None while there is no result."""
        return leanest(self.trials) if any(trial.has_result for trial in self.trials) else None


def search_title(spec: SearchSpec) -> str:
    """Return a search in the few words that a queue has room for."""
    method, graph = METHOD_TITLES[name_of(spec.method)], graph_title(spec.space.graph)
    return f"Search · {method} · {graph} · {spec.budget.trainings:g} trainings · seed {spec.seed}"


class Searches:
    """All searches that can be read.

    Args:
        own: Folder of a person's own store.
        shipped: Folders of read-only stores.
    """

    def __init__(self, own: Path, shipped: Sequence[Path] = ()) -> None:
        self._own, self._shipped = own, tuple(shipped)
        self._read: dict[Path, tuple[int, tuple[Trial, ...]]] = {}

    def all(self) -> tuple[Search, ...]:
        """Return the searches, one's own first, each once; what cannot be read is left out."""
        found: dict[str, Search] = {}
        for store in (self._own, *self._shipped):
            for log in searches(store):
                try:
                    search = self._search(log, shipped=store is not self._own)
                except (StoreError, OSError):
                    continue
                known = found.get(log.spec.key)
                if known is None or len(search.trials) > len(known.trials):
                    found[log.spec.key] = search
        return tuple(found.values())

    def _search(self, log: SearchLog, *, shipped: bool) -> Search:
        file = log.folder / TRIALS
        length = file.stat().st_size if file.exists() else 0
        known = self._read.get(file)
        if known is None or known[0] != length:
            known = self._read[file] = (length, log.trials)
        return Search(
            spec=log.spec,
            trials=known[1],
            is_over=log.is_over,
            is_going_on=not shipped and log.is_going_on,
            shipped=shipped,
        )


@lru_cache(REMEMBERED)
def key_of(spec: RunSpec) -> str:
    """Return a run's key."""
    return spec.key


@lru_cache(REMEMBERED)
def chosen_by(space: Space, spec: RunSpec) -> Mapping[str, Option] | None:
    """Return what each choice of a space was for a run; None if it is none of the space's."""
    try:
        return space.chosen(spec)
    except SpecError:
        return None


def but_for_seed(spec: RunSpec) -> tuple[Hashable, ...]:
    """Return all that a run is made of but for its seed."""
    return spec.graph, spec.model, spec.quant, spec.protection, spec.training


@lru_cache(REMEMBERED)
def uniform_runs(space: Space, seed: int) -> tuple[RunSpec, ...]:
    """Return the runs of a space's usual network with one width everywhere, one for each width."""
    return tuple(
        space.spec(lambda c: width if c.is_width else c.options[0], seed)  # noqa: B023
        for width in space.widths
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What one recipe came to, over the seeds that it was run with.

    Args:
        key: The key of its first run.
        spec: That run.
        group: What found it.
        name: What to call it.
        trials: Of each seed one.
    """

    key: str
    spec: RunSpec
    group: str
    name: str
    trials: tuple[Trial, ...]


def points(found: Sequence[tuple[str, Trial]]) -> list[Point]:
    """Return trials with a result, those of one recipe but for the seed as one point.

    Args:
        found: Each trial with the group that it belongs to if no earlier one holds its recipe.
    """
    held: dict[Hashable, tuple[str, dict[int, Trial]]] = {}
    for group, trial in found:
        if trial.has_result:
            seeds = held.setdefault(but_for_seed(trial.spec), (group, {}))[1]
            seeds.setdefault(trial.spec.seed, trial)
    made = []
    for group, seeds in held.values():
        first, *_ = trials = tuple(seeds[seed] for seed in sorted(seeds))
        name = f"{group}, {first.proposal.origin}" if first.proposal.origin else group
        key = key_of(first.spec)
        made.append(Point(key=key, spec=first.spec, group=group, name=name, trials=trials))
    return made
