"""Row normalization, dense and sparse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from engine.graphs.features import compact, row_normalized, standardized


def test_sparse_below_a_fifth() -> None:
    x = np.zeros((10, 10))
    x[:2, :] = 2
    x[1, 0] = 0
    assert isinstance(compact(x), csr_array)
    assert isinstance(compact(csr_array(x)), csr_array)
    x[1, 0] = 1
    assert isinstance(compact(x), np.ndarray)
    assert isinstance(compact(csr_array(x)), np.ndarray)
    np.testing.assert_array_equal(compact(csr_array(x)), x)


def test_sparse_rows_are_canonical() -> None:
    entries, rows, columns = [1.0, 2.0, 0.0, 4.0], [3, 0, 1, 3], [7, 2, 1, 7]
    x = compact(coo_array((entries, (rows, columns)), shape=(20, 20)))
    assert x.nnz == 2
    assert x[3, 7] == 5
    assert x.dtype == np.float32
    assert x.has_canonical_format


def test_a_given_sparse_matrix_stays_as_it_is() -> None:
    x = csr_array((np.ones(3, np.float32), [7, 2, 2], [0, 3]), shape=(1, 100))
    assert compact(x).data.tolist() == [2, 1]
    assert (x.indices.tolist(), x.nnz) == ([7, 2, 2], 3)


def test_too_large_for_float32_becomes_infinite_without_a_warning() -> None:
    assert np.isinf(compact(np.array([[1e300]]))).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_sum_to_one(sparse: bool) -> None:
    x = np.random.default_rng(0).poisson(0.5, (30, 20)).astype(np.float32)
    x[3] = 0
    result = row_normalized(csr_array(x) if sparse else x)
    assert isinstance(result, csr_array) == sparse
    assert result.dtype == np.float32
    dense = result.toarray() if sparse else result
    expected = x / np.maximum(x.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(dense, expected, rtol=1e-6)


def test_entries_of_both_signs_do_not_cancel() -> None:
    x = np.array([[1, -1], [3, 1]], dtype=np.float32)
    np.testing.assert_array_equal(row_normalized(x), [[0.5, -0.5], [0.75, 0.25]])


def test_the_given_features_stay_as_they_are() -> None:
    x = csr_array(np.array([[2.0, 2.0]], dtype=np.float32))
    row_normalized(x)
    assert x.data.tolist() == [2, 2]


def test_standardized_has_mean_0_and_deviation_1() -> None:
    x = standardized(np.array([1, 1, 2, 8]))
    assert (x.shape, x.dtype) == ((4, 1), np.float32)
    np.testing.assert_allclose([x.mean(), x.std()], [0, 1], atol=1e-6)
    assert (x[0], x[3] > x[2]) == (x[1], True)


def test_standardized_of_equal_numbers_is_zero() -> None:
    assert standardized(np.full(5, 3)).tolist() == [[0]] * 5
