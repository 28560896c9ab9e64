"""Trials: their JSON, the front that they make, and the answer within a budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.search import Corner, Proposal, Trial, best, front, leanest, volume
from engine.spec import SpecError, canonical, loads
from tests.engine.search.conftest import SPACE, Made


def test_a_trial_survives_json(trial: Made) -> None:
    made = replace(trial(3, 0.8, 1000), merit="mae", cost=2.5, seconds=1.25)
    assert loads(Trial, canonical(made)) == made
    assert loads(Trial, canonical(trial(0, 0.0, 1, note="It diverged."))).note == "It diverged."


def test_a_trial_says_what_a_runs_metrics_say() -> None:
    proposal = Proposal(number=1, spec=SPACE.spec(lambda choice: 4))
    metrics = {
        "accuracy": {"validation": 0.7, "integer": 0.6, "float": 0.9},
        "size": {"model_bytes": 10, "buffer_bytes": 20, "float_model_bytes": 40},
        "cost": {"bit_operations": 30},
        "latency": {"integer_ms": 0.5},
    }
    made = Trial.of(proposal, metrics, cost=1.5, seconds=2.0)
    assert (made.merit, made.validation, made.result) == ("accuracy", 0.7, 0.6)
    assert (made.model_bytes, made.buffer_bytes, made.float_model_bytes) == (10, 20, 40)
    assert (made.bit_operations, made.cost, made.seconds) == (30, 1.5, 2.0)
    assert made.latency_ms == 0.5
    assert made.spec is proposal.spec
    del metrics["latency"]
    assert Trial.of(proposal, metrics, cost=1.5, seconds=2.0).latency_ms is None


def test_the_front_holds_what_nothing_beats(trial: Made) -> None:
    small, good, beaten = trial(0, 0.7, 100), trial(1, 0.8, 200), trial(2, 0.75, 200)
    same, lost = trial(3, 0.7, 100), trial(4, 0.9, 1, note="It diverged.")
    thin = trial(5, 0.6, 150, buffer_bytes=10)
    assert front([good, beaten, small, same, lost, thin]) == (small, thin, good)
    assert front([lost]) == ()


def test_an_error_counts_the_less_the_better(trial: Made) -> None:
    bad, good = (replace(trial(n, error, 100), merit="mae") for n, error in enumerate((0.9, 0.2)))
    assert front([bad, good]) == (good,)
    assert best([bad, good]) == good


def test_the_answer_is_the_best_within_the_sizes(trial: Made) -> None:
    small, good = trial(0, 0.7, 100), trial(1, 0.8, 200)
    assert best([small, good]) == good
    assert best([small, good], model_bytes=150) == small
    assert best([small, replace(small, validation=0.8)]).validation == 0.8
    with pytest.raises(SpecError, match="at least those of a trial: 100 \\+ 100, 200 \\+ 100"):
        best([small, good], buffer_bytes=50)


def test_the_leanest_is_the_smallest_that_gives_little_away(trial: Made) -> None:
    best_, lean, small = trial(0, 0.75, 200), trial(1, 0.742, 100), trial(2, 0.73, 50)
    assert leanest([best_, lean, small]) == lean
    assert leanest([best_, small]) == best_


def test_volume_counts_bytes_in_halvings(trial: Made) -> None:
    corner = Corner(rank=0.5, model_bytes=400, buffer_bytes=200)
    one = trial(0, 0.75, 100)
    assert volume([one], corner) == pytest.approx(0.25 * 2 * 1)
    assert volume([one], corner, test=True) == pytest.approx(0.15 * 2 * 1)
    assert volume([one, trial(1, 0.7, 200)], corner) == volume([one], corner)
    assert volume([], corner) == volume([trial(0, 0.9, 400)], corner) == 0


@pytest.mark.parametrize(
    ("field", "got"), [("cost", -1), ("merit", "luck"), ("model_bytes", 1.5), ("note", None)]
)
def test_invalid_fields_are_named(trial: Made, field: str, got: object) -> None:
    with pytest.raises(SpecError, match=field):
        replace(trial(0, 0.5, 1), **{field: got})
