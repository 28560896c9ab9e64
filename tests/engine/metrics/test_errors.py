"""Errors: against plain loops, at zero rows, and the split into own and inherited."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.errors import class_flip, relative_distance, relative_l2, sqnr_db

SHAPES = st.tuples(st.integers(0, 6), st.integers(0, 4))
NUMBERS = st.just(0.0) | st.floats(-8, 8, width=16).map(np.float32)
TWO_FORWARDS = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.float32, shape, elements=NUMBERS), arrays(np.float32, shape, elements=NUMBERS)
    )
)


def slow_relative_l2(reference, x_hat) -> list[float]:
    errors = []
    for exact_row, hat_row in zip(reference, x_hat, strict=True):
        noise = math.hypot(*(float(a) - float(b) for a, b in zip(hat_row, exact_row, strict=True)))
        signal = math.hypot(*map(float, exact_row))
        errors.append(noise / signal if signal else 0.0 if noise == 0 else math.inf)
    return errors


@given(two=TWO_FORWARDS, form=st.sampled_from([np.asarray, sparse.csr_array]))
def test_relative_l2_equals_loops(two, form) -> None:
    reference, x_hat = two
    found = relative_l2(form(reference), form(x_hat))
    np.testing.assert_allclose(found, slow_relative_l2(reference, x_hat), rtol=1e-12)


@given(two=TWO_FORWARDS)
def test_sqnr_is_minus_twenty_decibels_a_decade(two) -> None:
    for db, error in zip(sqnr_db(*two), slow_relative_l2(*two), strict=True):
        expected = {0.0: math.inf, math.inf: -math.inf}.get(error)
        assert db == (pytest.approx(-20 * math.log10(error)) if expected is None else expected)


def test_zero_rows() -> None:
    reference = np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0], [3.0, 4.0]])
    x_hat = np.array([[0.0, 0.0], [1.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_array_equal(relative_l2(reference, x_hat), [0, np.inf, 0, 1])
    np.testing.assert_array_equal(sqnr_db(reference, x_hat), [np.inf, -np.inf, np.inf, 0])


@given(two=TWO_FORWARDS, data=st.data())
def test_total_is_at_most_own_and_inherited(two, data) -> None:
    exact, own_only = two
    total = data.draw(arrays(np.float32, exact.shape, elements=NUMBERS))
    own = relative_l2(exact, own_only)
    inherited = relative_distance(total.astype(np.float64) - own_only, exact)
    assert (relative_l2(exact, total) <= (own + inherited) * (1 + 1e-9)).all()


def test_bad_forwards_are_refused() -> None:
    with pytest.raises(ValueError, match="row 0 first"):
        relative_l2(np.array([[1.0]]), np.array([[np.nan]]))
    with pytest.raises(ValueError, match="row 0 first"):
        sqnr_db(np.array([[np.inf]]), np.array([[1.0]]))
    with pytest.raises(ValueError, match="need one shape"):
        relative_l2(np.zeros((2, 1)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="reference's shape"):
        relative_distance(np.zeros((2, 1)), np.zeros((2, 2)))


@given(scores=arrays(np.float32, (5, 3), elements=st.sampled_from([0.0, 1.0, 2.0])), data=st.data())
def test_class_flip_equals_loops(scores, data) -> None:
    other = data.draw(arrays(np.float32, (5, 3), elements=st.sampled_from([0.0, 1.0, 2.0])))
    slow = [
        list(a).index(max(a)) != list(b).index(max(b)) for a, b in zip(scores, other, strict=True)
    ]
    assert class_flip(scores, other).tolist() == slow


def test_class_flip_refuses() -> None:
    with pytest.raises(ValueError, match="score is nan"):
        class_flip(np.array([[np.nan]]), np.zeros((1, 1)))
    with pytest.raises(ValueError, match="need one shape"):
        class_flip(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="need one shape"):
        class_flip(np.zeros((2, 0)), np.zeros((2, 0)))
    assert class_flip(np.zeros((0, 3)), np.zeros((0, 3))).shape == (0,)
