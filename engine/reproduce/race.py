"""A race: entrants that search the same space with the same work, and what they come to."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.search import Corner, SearchSpec, Trial, leanest, volume
from engine.spec import RunSpec, encode

FRESH_SEED = 1000
"""First seed of the runs that a search's answer is judged by; no search uses it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrant:
    """A method on a space, over search seeds.

    Args:
        graph: The graph.
        space: The space, in words.
        method: The method, in words.
        searches: A search for each seed.
        again: Runs of fresh seeds that each search's answer is judged by.
    """

    graph: str
    space: str
    method: str
    searches: tuple[SearchSpec, ...]
    again: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Race:
    """Entrants that are shown in one table.

    Args:
        name: Its name, of the command and the files.
        title: What it shows.
        notes: How it was done, a sentence each.
        entrants: In the order of the table.
    """

    name: str
    title: str
    notes: tuple[str, ...]
    entrants: tuple[Entrant, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """Mean and sample standard deviation, 0 of a single number."""

    mean: float
    sd: float

    @classmethod
    def of(cls, numbers: Iterable[float]) -> Spread:
        """Return that of numbers, one at least."""
        held = list(numbers)
        return cls(mean=statistics.fmean(held), sd=statistics.stdev(held) if held[1:] else 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Searched:
    """What a table needs to know of one search.

    Args:
        key: The search's.
        seed: Its seed.
        volume: Hypervolume of its front on the validation units.
        test_volume: The same front's on the test units.
        trainings: Its work.
        runs: Its trials.
        model_bytes: Of its answer.
        buffer_bytes: Of its answer.
        accuracies: Of its answer's integers on the test units, one for each fresh seed.
        answer: The run that is its answer, as JSON has it.
    """

    key: str
    seed: int
    volume: float
    test_volume: float
    trainings: float
    runs: int
    model_bytes: int
    buffer_bytes: int
    accuracies: tuple[float, ...]
    answer: dict[str, Any]

    @classmethod
    def of(
        cls,
        spec: SearchSpec,
        trials: Sequence[Trial],
        corner: Corner,
        again: Sequence[Mapping[str, Any]],
    ) -> Searched:
        """Return what a search came to.

        Args:
            spec: The search.
            trials: Its trials.
            corner: What the volumes are measured from.
            again: Metrics of `runs_again`.
        """
        answer = leanest(trials)
        return cls(
            key=spec.key,
            seed=spec.seed,
            volume=volume(trials, corner),
            test_volume=volume(trials, corner, test=True),
            trainings=sum(trial.cost for trial in trials),
            runs=len(trials),
            model_bytes=answer.model_bytes,
            buffer_bytes=answer.buffer_bytes,
            accuracies=tuple(metrics["accuracy"]["integer"] for metrics in again),
            answer=encode(answer.spec),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What an entrant's searches came to, one at least.

    Args:
        entrant: The entrant.
        searched: Its searches, by seed.
    """

    entrant: Entrant
    searched: tuple[Searched, ...]

    @property
    def volume(self) -> Spread:
        """Hypervolume of a front on the validation units."""
        return Spread.of(held.volume for held in self.searched)

    @property
    def test_volume(self) -> Spread:
        """The same fronts' on the test units."""
        return Spread.of(held.test_volume for held in self.searched)

    @property
    def trainings(self) -> float:
        """Mean work of a search."""
        return statistics.fmean(held.trainings for held in self.searched)

    @property
    def runs(self) -> int:
        """Median of a search's trials."""
        return int(statistics.median(held.runs for held in self.searched))

    @property
    def accuracy(self) -> Spread:
        """Of the answers' integers on the test units, over answers and fresh seeds."""
        return Spread.of(accuracy for held in self.searched for accuracy in held.accuracies)

    @property
    def model_bytes(self) -> int:
        """Of the answers; the median."""
        return int(statistics.median(held.model_bytes for held in self.searched))

    @property
    def buffer_bytes(self) -> int:
        """Of the answers; the median."""
        return int(statistics.median(held.buffer_bytes for held in self.searched))


def runs_again(entrant: Entrant, search: SearchSpec, answer: RunSpec) -> tuple[RunSpec, ...]:
    """Return the runs of fresh seeds that the answer of a search of an entrant's is judged by."""
    first = FRESH_SEED + entrant.again * search.seed
    return tuple(replace(answer, seed=first + number) for number in range(entrant.again))
