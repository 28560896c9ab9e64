"""Rivals run in turn, and their numbers follow from their times."""

from __future__ import annotations

import time

import pytest

from engine.bench.race import Effort, Result, Rival, race


def test_in_turn_after_a_warm_up() -> None:
    calls: list[str] = []
    rivals = [Rival(name=name, run=lambda n=name: calls.append(n), operations=1) for name in "ab"]
    results, others = race(rivals, Effort(rounds=3))
    assert "".join(calls) == "ab" * 4
    assert [len(result.times_ms) for result in results] == [3, 3]
    assert others is None or others >= 0


def test_a_slow_one_is_left_out_of_further_rounds() -> None:
    slow = Rival(name="slow", run=lambda: time.sleep(0.03), operations=1)
    fast = Rival(name="fast", run=lambda: None, operations=1)
    (of_slow, of_fast), _ = race([slow, fast], Effort(rounds=20, budget_s=0.05))
    assert len(of_slow.times_ms) == 1
    assert len(of_fast.times_ms) == 20


def test_numbers() -> None:
    rival = Rival(name="ours", run=int, operations=4_000_000, bytes_moved=2_000_000)
    own = Result(rival=rival, times_ms=(2.0, 1.0, 9.0))
    other = Result(rival=Rival(name="theirs", run=int, operations=1), times_ms=(8.0,))
    numbers = own.numbers(other, gb_per_s=10)
    assert (numbers["median_ms"], numbers["best_ms"], numbers["ratio"]) == (2, 1, 4)
    assert numbers["ratio_of_best"] == 8
    assert numbers["gb_per_s"] == pytest.approx(1)
    assert numbers["of_bandwidth"] == pytest.approx(0.1)
    assert numbers["giga_operations_per_s"] == pytest.approx(2)
    unknown = other.numbers(own, gb_per_s=10)
    assert unknown["bytes_moved"] is unknown["gb_per_s"] is unknown["of_bandwidth"] is None
