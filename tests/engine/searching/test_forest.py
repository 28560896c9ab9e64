"""The forest: it says what it was told where it was told enough, and never more than it was."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.searching.forest import expected, grow


@given(count=st.integers(1, 30), columns=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_what_is_expected_lies_between_results(count: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(1, 4, (count, columns)).astype(float), rng.normal(size=count)
    said = expected(grow(x, y, rng), rng.integers(0, 5, (20, columns)).astype(float))
    assert (said >= y.min() - 1e-9).all()
    assert (said <= y.max() + 1e-9).all()
    again = grow(x, y, np.random.default_rng(1))
    assert again == grow(x, y, np.random.default_rng(1))


def test_it_learns_which_numbers_count() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(1, 4, (120, 5)).astype(float)
    y = 0.5 * (x[:, 2] > 1) + 0.1 * x[:, 4]
    new = rng.integers(1, 4, (200, 5)).astype(float)
    wanted = 0.5 * (new[:, 2] > 1) + 0.1 * new[:, 4]
    said = expected(grow(x, y, rng), new)
    assert np.corrcoef(said, wanted)[0, 1] > 0.95


def test_one_result_is_all_it_knows() -> None:
    rng = np.random.default_rng(0)
    trees = grow(np.ones((3, 2)), np.array([0.5, 0.5, 0.5]), rng)
    np.testing.assert_array_equal(expected(trees, np.zeros((4, 2))), 0.5)
