"""Rows: norms and differences equal plain loops, dense and sparse alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.rows import as_rows, squared_norms, subtract

NUMBERS = st.floats(-100, 100, width=32)
MATRICES = st.tuples(st.integers(1, 6), st.integers(0, 5)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.just(0.0) | NUMBERS)
)
FORMS = pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])


@FORMS
@given(h=MATRICES)
def test_norms_equal_loops(form, h) -> None:
    slow = [sum(float(x) ** 2 for x in row) for row in h]
    np.testing.assert_allclose(squared_norms(form(h)), slow, rtol=1e-12)


@FORMS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused_with_its_row(form, bad) -> None:
    with pytest.raises(ValueError, match="1 of 3 rows hold nan or inf, row 1 first"):
        squared_norms(form(np.array([[1.0], [bad], [0.0]])))


def test_largest_float32_has_a_norm() -> None:
    largest = np.finfo(np.float32).max
    assert squared_norms(np.array([[largest]])) == float(largest) ** 2


def test_repeated_sparse_entries_are_summed_and_the_given_matrix_kept() -> None:
    h = sparse.csr_array((np.ones(2), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    assert squared_norms(as_rows(h)) == 4
    assert h.nnz == 2


@pytest.mark.parametrize(("stored", "is_dense"), [(2, False), (3, True)])
def test_rows_of_many_stored_entries_are_dense(stored: int, is_dense: bool) -> None:
    h = np.zeros((2, 5), np.float32)
    h.ravel()[:stored] = 1
    rows = as_rows(sparse.csr_array(h))
    assert isinstance(rows, np.ndarray) == is_dense
    np.testing.assert_array_equal(rows if is_dense else rows.toarray(), h)


@given(h=MATRICES, data=st.data())
def test_difference_is_the_same_in_every_form(h, data) -> None:
    other = data.draw(arrays(np.float32, h.shape, elements=NUMBERS))
    slow = h.astype(np.float64) - other
    for a in (h, sparse.csr_array(h)):
        for b in (other, sparse.csr_array(other)):
            difference = subtract(a, b)
            dense = difference.toarray() if sparse.issparse(difference) else difference
            np.testing.assert_array_equal(dense, slow)


def test_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two axes, \[N, F\]; got the shape \(3,\)"):
        as_rows(np.zeros(3))
    with pytest.raises(ValueError, match="need one shape"):
        subtract(np.zeros((1, 2)), np.zeros((2, 1)))
