"""Uniform widths: one for everything first, then one for weights and another for the rest."""

from __future__ import annotations

from collections.abc import Callable

from engine.runs import RunStore
from engine.search import SearchSpec
from engine.searching import Answered, search
from engine.spec.quantization import LEARNED


def test_widths_are_uniform(store: RunStore, asked: Callable[..., SearchSpec]) -> None:
    spec = asked("uniform", trainings=20)
    *_, ending = search(spec, store)
    assert isinstance(ending, Answered)
    found = []
    for trial in ending.trials:
        chosen = spec.space.chosen(trial.spec)
        learned = {width for name, width in chosen.items() if name.split(".")[1] in LEARNED}
        others = {width for name, width in chosen.items() if name.split(".")[1] not in LEARNED}
        (weight,), (other,) = learned, others
        assert trial.proposal.origin == f"W{weight}A{other}"
        found.append((weight, other))
    assert found[:3] == [(8, 8), (4, 4), (2, 2)]
    assert sorted(found) == sorted((w, a) for w in (2, 4, 8) for a in (2, 4, 8))
