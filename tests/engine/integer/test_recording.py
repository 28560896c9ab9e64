"""A recorded run fills what the walk over its steps fills, wherever float stages come between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import NUMPY
from engine.integer import recording as recordings
from engine.integer.kernels.threads import using_threads
from engine.integer.program import ENTRY
from engine.integer.recording import Pool, record
from engine.integer.stages.stage import real
from engine.spec import ModelSpec

OPERATORS = "gcn", "gat", "gin", "sage", "linear"
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("small", [0, 10**9])
@settings(max_examples=25)
@given(seed=SEEDS, widths=st.sampled_from([(8,), (2, 4, 8), (4, 8, 16, 32)]), pool=st.booleans())
def test_runs_again_and_again(
    case: Callable, small: int, seed: int, widths: tuple[int, ...], pool: bool
) -> None:
    drawn = case(seed, operators=OPERATORS, pool=pool)
    plan = drawn.bind(drawn.random_program(widths))
    wanted = plan.run(NUMPY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "SMALL", small)
        for _ in range(3):
            np.testing.assert_array_equal(plan.run(), wanted)


@pytest.mark.parametrize("operator", OPERATORS)
def test_what_only_calls_kernels_is_recorded(case: Callable, operator: str) -> None:
    drawn = case(3, operators=(operator,), sparse=False, weighted=False)
    plan = drawn.bind(drawn.random_program((8,)))
    recording = record(plan.schedule, ENTRY, plan.features)
    assert all(works for works in recording.works)
    assert len(list(recording._joined())) == 1, "one tape, no Python between"


def test_step_by_step_the_result_is_the_same(case: Callable) -> None:
    drawn = case(7, operators=OPERATORS)
    plan = drawn.bind(drawn.random_program((4, 8)))
    recording, seen = record(plan.schedule, ENTRY, plan.features), []

    def watch(step: Any, play: Any) -> Any:
        seen.append(step.target)
        return play

    scores = recording.timed(watch)
    assert seen == [step.target for step in plan.schedule.steps]
    np.testing.assert_array_equal(real(scores), plan.run())


def test_each_run_has_scores_of_its_own(case: Callable) -> None:
    drawn = case(1, operators=("gcn",), sparse=False, weighted=False)
    plan = drawn.bind(drawn.random_program((8,)))
    first, second = plan.run(), plan.run()
    assert not np.shares_memory(first, second)


def test_a_pool_makes_one_where_none_is_free() -> None:
    made = iter(range(10))
    pool = Pool(lambda: next(made))
    with pool.one() as first, pool.one() as second:
        assert (first, second) == (0, 1)
    with pool.one(), pool.one():
        assert len(pool._free) == 0


def test_a_pool_takes_back_what_a_failed_run_had() -> None:
    pool = Pool(lambda: 7)

    def fail() -> None:
        with pool.one():
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert pool._free == [7]


def test_a_pool_lends_to_as_many_as_come() -> None:
    made = iter(range(10))
    pool = Pool(lambda: next(made))
    with pool.one(), pool.one():
        assert len(pool._free) == 0
    assert sorted(pool._free) == [0, 1]


def test_threads_are_as_many_as_allowed(case: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = case(1, model=ModelSpec(hidden=8), sparse=False, weighted=False)
    plan = drawn.bind(drawn.random_program((8,)))
    used: list[int] = []
    monkeypatch.setattr(recordings.Tape, "play", lambda tape, threads: used.append(threads))
    plan.run()
    monkeypatch.setattr(recordings, "SMALL", 0)
    plan._recordings._free.clear()
    with using_threads(3):
        plan.run()
    assert used == [1, 3]
