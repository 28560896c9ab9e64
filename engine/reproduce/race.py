"""A race: entrants that search the same space with the same work, and what they come to."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.search import Corner, SearchSpec, Trial, leanest, volume
from engine.spec import RunSpec

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
class Standing:
    """What an entrant came to.

    Args:
        entrant: The entrant.
        volume: Hypervolume of each search's front on the validation units.
        test_volume: The same front's on the test units.
        trainings: Work of a search.
        runs: Trials of a search; the median.
        accuracy: Of the answers' integers on the test units, over answers and fresh seeds.
        model_bytes: Of the answers; the median.
        buffer_bytes: Of the answers; the median.
        answers: The runs of the answers.
    """

    entrant: Entrant
    volume: Spread
    test_volume: Spread
    trainings: float
    runs: int
    accuracy: Spread
    model_bytes: int
    buffer_bytes: int
    answers: tuple[RunSpec, ...]


def runs_again(entrant: Entrant, answers: Sequence[Trial]) -> tuple[RunSpec, ...]:
    """Return the runs of fresh seeds that an entrant's answers are judged by."""
    return tuple(
        replace(answer.spec, seed=FRESH_SEED + len(answers) * number + place)
        for place, answer in enumerate(answers)
        for number in range(entrant.again)
    )


def standing_of(
    entrant: Entrant,
    searches: Sequence[Sequence[Trial]],
    corner: Corner,
    metrics: Sequence[dict[str, Any]],
) -> Standing:
    """Return an entrant's standing.

    Args:
        entrant: The entrant.
        searches: The trials of each of its searches.
        corner: What the volumes are measured from.
        metrics: Those of `runs_again`.
    """
    answers = [leanest(trials) for trials in searches]
    return Standing(
        entrant=entrant,
        volume=Spread.of(volume(trials, corner) for trials in searches),
        test_volume=Spread.of(volume(trials, corner, test=True) for trials in searches),
        trainings=statistics.fmean(sum(t.cost for t in trials) for trials in searches),
        runs=int(statistics.median(len(trials) for trials in searches)),
        accuracy=Spread.of(held["accuracy"]["integer"] for held in metrics),
        model_bytes=int(statistics.median(answer.model_bytes for answer in answers)),
        buffer_bytes=int(statistics.median(answer.buffer_bytes for answer in answers)),
        answers=tuple(answer.spec for answer in answers),
    )
