"""What results are judged by: each against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.merit import ACCURACY, MAE, merit_in, merit_of, result

ROWS = st.lists(st.tuples(st.lists(st.floats(-9, 9), min_size=3, max_size=3), st.integers(0, 2)))


@given(ROWS)
def test_accuracy_is_the_share_of_first_largest_scores(rows: list[tuple[list[float], int]]) -> None:
    scores = np.array([row for row, _ in rows]).reshape(-1, 3)
    y = np.array([label for _, label in rows], dtype=np.int64)
    right = [row.index(max(row)) == label for row, label in rows]
    assert merit_of(y) is ACCURACY
    assert result(scores, y) == (sum(right) / len(right) if right else 0.0)


@given(st.lists(st.tuples(st.floats(-9, 9, width=32), st.floats(-9, 9, width=32))))
def test_error_is_the_mean_distance(rows: list[tuple[float, float]]) -> None:
    outputs = np.array([found for found, _ in rows], dtype=np.float32)[:, None]
    y = np.array([wanted for _, wanted in rows], dtype=np.float32)[:, None]
    distances = [abs(found - wanted) for found, wanted in rows]
    assert merit_of(y) is MAE
    expected = sum(distances) / len(distances) if distances else 0.0
    assert result(outputs, y) == pytest.approx(expected, abs=1e-5)


def test_several_targets_count_alike() -> None:
    assert result(np.zeros((2, 2)), np.array([[1.0, 3.0], [0.0, 0.0]])) == 1.0


def test_better_results_rank_higher() -> None:
    assert ACCURACY.rank(0.9) > ACCURACY.rank(0.8)
    assert MAE.rank(0.1) > MAE.rank(0.2)


def test_metrics_say_what_a_run_is_judged_by() -> None:
    assert merit_in({"mae": {"integer": 1.0}, "size": {}}) is MAE
    assert merit_in({"accuracy": {}}) is ACCURACY
    assert merit_in({}) is ACCURACY
