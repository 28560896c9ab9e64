"""Effective rank: against singular values, at known ranks, and as an estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.rank import EXACT_SIDE, effective_rank, rank_is_exact

FORMS = pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])


def slow_rank(h) -> float:
    sigma = [float(s) for s in np.linalg.svd(h, compute_uv=False)]
    share = [s / sum(sigma) for s in sigma if s > 1e-9 * sigma[0]]
    return math.exp(-sum(p * math.log(p) for p in share))


@FORMS
@given(
    h=st.tuples(st.integers(1, 7), st.integers(1, 7)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 4).map(float))
    )
)
def test_equals_singular_values(form, h) -> None:
    expected = slow_rank(h) if h.any() else math.nan
    assert effective_rank(form(h)) == pytest.approx(expected, rel=1e-6, nan_ok=True)


@FORMS
def test_known_ranks(form) -> None:
    assert effective_rank(form(np.outer(np.arange(1.0, 50), [1, -2, 3]))) == pytest.approx(1)
    assert effective_rank(form(np.eye(9))) == pytest.approx(9)
    assert effective_rank(form(-3 * np.eye(9)[:, :4])) == pytest.approx(4)
    assert effective_rank(form(np.ones((1, 5), dtype=np.float32))) == pytest.approx(1)
    assert math.isnan(effective_rank(form(np.zeros((3, 2)))))


def test_blocks_of_rows_add_up(monkeypatch) -> None:
    h = np.random.default_rng(0).standard_normal((50, 4))
    monkeypatch.setattr("engine.metrics.rank.GRAM_ROWS", 7)
    assert effective_rank(h) == pytest.approx(slow_rank(h))


@pytest.mark.parametrize("wide", [False, True])
def test_estimate_for_wide_sparse_rows_is_within_a_few_percent(monkeypatch, wide) -> None:
    random = np.random.default_rng(0)
    h = sparse.random_array((500, 300), density=0.05, format="csr", rng=random)
    h = sparse.csr_array(h * np.exp(-np.arange(300) / 60), dtype=np.float32)
    h = sparse.csr_array(h.T) if wide else h
    exact = effective_rank(h)
    assert exact == pytest.approx(slow_rank(h.toarray()), rel=1e-6)
    monkeypatch.setattr("engine.metrics.rank.EXACT_SIDE", 299)
    assert not rank_is_exact(h)
    estimate = effective_rank(h, seed=5)
    assert estimate != exact
    assert estimate == pytest.approx(exact, rel=0.04)
    assert effective_rank(h, seed=5) == estimate
    assert effective_rank(h, seed=6) != estimate


def test_estimate_is_exact_where_one_step_is_enough() -> None:
    side = EXACT_SIDE + 1
    assert effective_rank(sparse.csr_array(sparse.eye_array(side))) == pytest.approx(side)


def test_only_sparse_matrices_are_estimated() -> None:
    assert rank_is_exact(np.zeros((EXACT_SIDE + 1, EXACT_SIDE + 1)))
    assert rank_is_exact(sparse.csr_array((9999, EXACT_SIDE)))
    assert not rank_is_exact(sparse.csr_array((9999, EXACT_SIDE + 1)))


def test_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="row 0 first"):
        effective_rank(np.array([[np.nan]]))
