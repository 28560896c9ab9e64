"""A run that a search proposed, what it came to, and which trials no other beats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.metrics.merit import MERITS, merit_in
from engine.search.front import hypervolume, is_on_front
from engine.spec import RunSpec, SpecError
from engine.spec.errors import check_choice, check_instance, check_integer, check_real


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A run that a search wants to know about.

    Args:
        number: Which of the search's, from 0.
        spec: The run.
        origin: What made the search propose it, in a few words.
        searched: Trainings' worth of work that it took to find, the run itself aside.

    Raises:
        SpecError: Naming the invalid field.
    """

    number: int
    spec: RunSpec
    origin: str = ""
    searched: float = 0.0

    def __post_init__(self) -> None:
        check_integer("number", self.number, 0, 10**9)
        check_instance("spec", self.spec, RunSpec)
        check_instance("origin", self.origin, str)
        check_real("searched", self.searched, 0, math.inf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What a proposal came to: the integers of a run trained from scratch.

    Args:
        proposal: The proposal.
        cost: Trainings' worth of work that it took, the search for it included; a run that the
            search had proposed before costs nothing again.
        merit: What it is judged by: ``accuracy``, or ``mae`` where targets are learned.
        validation: That on the validation units: what a search may look at.
        result: That of the integer path on the test units.
        model_bytes: Packed weights, scales and zero points.
        buffer_bytes: The largest live activations.
        float_model_bytes: The same constants in float32.
        bit_operations: Those of a forward.
        latency_ms: Of one integer forward, as the run found it; None where it was not measured.
        seconds: How long the run took.
        note: Why there is no result; empty where there is one.

    Raises:
        SpecError: Naming the invalid field.
    """

    proposal: Proposal
    cost: float = 1.0
    merit: Literal["accuracy", "mae"] = "accuracy"
    validation: float = 0.0
    result: float = 0.0
    model_bytes: int = 0
    buffer_bytes: int = 0
    float_model_bytes: int = 0
    bit_operations: int = 0
    latency_ms: float | None = field(default=None, compare=False)
    seconds: float = 0.0
    note: str = ""

    def __post_init__(self) -> None:
        check_instance("proposal", self.proposal, Proposal)
        for name in ("cost", "validation", "result", "seconds"):
            check_real(name, getattr(self, name), 0, math.inf)
        check_choice("merit", self.merit, tuple(MERITS))
        for name in ("model_bytes", "buffer_bytes", "float_model_bytes", "bit_operations"):
            check_integer(name, getattr(self, name), 0, 2**63)
        if self.latency_ms is not None:
            check_real("latency_ms", self.latency_ms, 0, math.inf)
        check_instance("note", self.note, str)

    @classmethod
    def of(
        cls, proposal: Proposal, metrics: Mapping[str, Any], *, cost: float, seconds: float
    ) -> Trial:
        """Return the trial of a finished run.

        Args:
            proposal: What was run.
            metrics: The run's.
            cost: Trainings' worth of work.
            seconds: How long the run took.
        """
        merit, size = merit_in(metrics), metrics["size"]
        return cls(
            proposal=proposal,
            cost=cost,
            merit=merit.name,
            validation=metrics[merit.name]["validation"],
            result=metrics[merit.name]["integer"],
            model_bytes=size["model_bytes"],
            buffer_bytes=size["buffer_bytes"],
            float_model_bytes=size["float_model_bytes"],
            bit_operations=metrics["cost"]["bit_operations"],
            latency_ms=metrics.get("latency", {}).get("integer_ms"),
            seconds=seconds,
        )

    @property
    def spec(self) -> RunSpec:
        """The run."""
        return self.proposal.spec

    @property
    def has_result(self) -> bool:
        """Whether the run finished."""
        return not self.note

    @property
    def rank(self) -> float:
        """A number that is larger, the better the run did on the validation units."""
        return MERITS[self.merit].rank(self.validation)

    @property
    def test_rank(self) -> float:
        """A number that is larger, the better the integers did on the test units."""
        return MERITS[self.merit].rank(self.result)


def front(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Return the trials that no other beats, smallest model first; equals are told once.

    A trial beats another that is no better on the validation units, has no fewer model bytes and no
    fewer buffer bytes, and is worse in one of the three.

    Args:
        trials: Any; those without a result are left out.
    """
    judged = [trial for trial in trials if trial.has_result]
    if not judged:
        return ()
    kept = is_on_front(np.array([_gains(trial) for trial in judged]))
    alone = {
        _gains(trial): trial
        for trial, keeps in zip(reversed(judged), kept[::-1], strict=True)
        if keeps
    }
    return tuple(sorted(alone.values(), key=lambda t: (t.model_bytes, t.buffer_bytes, t.rank)))


GIVEN_AWAY = 0.01
"""What the leanest trial may lose of the best validation accuracy."""


def leanest(trials: Iterable[Trial]) -> Trial:
    """Return the smallest trial that gives away no more than `GIVEN_AWAY` of the best validation.

    Args:
        trials: Any, one with a result at least.
    """
    members = front(trials)
    enough = max(trial.rank for trial in members) - GIVEN_AWAY
    return min(
        (trial for trial in members if trial.rank >= enough),
        key=lambda trial: (trial.model_bytes + trial.buffer_bytes, -trial.rank),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Corner:
    """The worst of the box that fronts are measured in: what gains nothing.

    Args:
        rank: Of a network that learned nothing.
        model_bytes: Of the model in float32.
        buffer_bytes: Of its activations in float32.

    Raises:
        SpecError: Naming the invalid field.
    """

    rank: float
    model_bytes: int
    buffer_bytes: int

    def __post_init__(self) -> None:
        check_real("rank", self.rank, -math.inf, math.inf)
        check_integer("model_bytes", self.model_bytes, 1, 2**63)
        check_integer("buffer_bytes", self.buffer_bytes, 1, 2**63)


def volume(trials: Sequence[Trial], corner: Corner, *, test: bool = False) -> float:
    """Return the hypervolume of trials: what they gain over a corner in three regards.

        (rank - corner's) x log2(corner's model bytes / bytes) x log2(its buffer bytes / bytes)

    Bytes count in halvings, so that 8 bits gain 2 of them wherever one starts.

    Args:
        trials: Any; those without a result are left out.
        corner: What gains nothing.
        test: Take the front by validation, but its members' results on the test units: what a
            search that saw validation only is worth.
    """
    members = front(trials)
    if not members:
        return 0.0
    gains: NDArray[np.float64] = np.array(
        [
            (
                (trial.test_rank if test else trial.rank) - corner.rank,
                math.log2(corner.model_bytes / trial.model_bytes),
                math.log2(corner.buffer_bytes / trial.buffer_bytes),
            )
            for trial in members
        ]
    )
    return hypervolume(gains)


def best(
    trials: Iterable[Trial], *, model_bytes: int | None = None, buffer_bytes: int | None = None
) -> Trial:
    """Return the trial that does best on the validation units within sizes; the smallest of equals.

    Args:
        trials: Any; those without a result are left out.
        model_bytes: At most so many; None for any.
        buffer_bytes: Likewise.

    Raises:
        SpecError: If none is small enough.
    """
    most = model_bytes or math.inf, buffer_bytes or math.inf
    members = front(trials)
    fitting = [t for t in members if t.model_bytes <= most[0] and t.buffer_bytes <= most[1]]
    if not fitting:
        found = ", ".join(f"{t.model_bytes} + {t.buffer_bytes}" for t in members) or "none"
        raise SpecError("model_bytes + buffer_bytes", most, f"at least those of a trial: {found}")
    return max(fitting, key=lambda t: (t.rank, -t.model_bytes, -t.buffer_bytes))


def _gains(trial: Trial) -> tuple[float, float, float]:
    return trial.rank, -float(trial.model_bytes), -float(trial.buffer_bytes)
