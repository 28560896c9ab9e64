"""What is searched for, where, how and with how much work: a search as a value, and its key."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import get_args

from engine.search.method import Lpgnas, Method, Relaxed
from engine.search.space import Space
from engine.spec import SpecError, canonical
from engine.spec.errors import check_instance, check_integer, check_real


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """What a search may spend, and what its answer may.

    Args:
        trainings: Work, in trainings of one run of the space: the search's own steps count, and
            every run that it proposes counts as one. A step of a training is a forward, a backward
            and an evaluation; a step of a one-shot search, a forward and a backward, counts as one.
        model_bytes: Most packed bytes of the answer; None for any.
        buffer_bytes: Most bytes of the answer's live activations; None for any.

    Raises:
        SpecError: Naming the invalid field.
    """

    trainings: float = 16.0
    model_bytes: int | None = None
    buffer_bytes: int | None = None

    def __post_init__(self) -> None:
        check_real("trainings", self.trainings, 1, 1e6)
        for field in ("model_bytes", "buffer_bytes"):
            if getattr(self, field) is not None:
                check_integer(field, getattr(self, field), 1, 2**63)


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchSpec:
    """Everything that decides what a search finds.

    Args:
        space: What is chosen from.
        method: How.
        budget: With how much work.
        seed: Seed of the search, and of every run that it proposes.

    Raises:
        SpecError: Naming the invalid field.
    """

    space: Space = Space()
    method: Method = Lpgnas()
    budget: Budget = Budget()
    seed: int = 0

    def __post_init__(self) -> None:
        check_instance("space", self.space, Space)
        check_instance("method", self.method, get_args(Method))
        check_instance("budget", self.budget, Budget)
        check_integer("seed", self.seed, 0, 2**32 - 1)
        if self.space.degrees and isinstance(self.method, Lpgnas | Relaxed):
            accepts = "none: a one-shot search has one width for all nodes at a time"
            raise SpecError("space.degrees", self.space.degrees, accepts)

    @property
    def key(self) -> str:
        """The search's identity: sha256 of its canonical JSON, as 64 hexadecimal digits."""
        return sha256(canonical(self).encode()).hexdigest()
