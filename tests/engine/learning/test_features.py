"""Features: sparse rows do what dense ones do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.learning.features import SparseRows, dense, features


def draw(seed: int, nodes: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(nodes, width)).astype(np.float32)
    return np.where(rng.random(x.shape) < 0.3, x, np.float32(0))


@given(seed=st.integers(0, 10_000), nodes=st.integers(1, 9), width=st.integers(1, 7))
def test_product_and_its_gradient_equal_the_dense_ones(seed: int, nodes: int, width: int) -> None:
    x = draw(seed, nodes, width)
    sparse, full = features(csr_array(x)), features(x)
    assert isinstance(sparse, SparseRows)
    assert isinstance(full, torch.Tensor)
    assert sparse.shape == tuple(full.shape) == x.shape
    assert sparse.numel() == np.count_nonzero(x)
    weight = torch.randn(width, 4, generator=torch.Generator().manual_seed(seed))
    one, other = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    upstream = torch.randn(nodes, 4, generator=torch.Generator().manual_seed(seed + 1))
    torch.testing.assert_close(sparse @ one, full @ other)
    (sparse @ one).backward(upstream)
    (full @ other).backward(upstream)
    torch.testing.assert_close(one.grad, other.grad)


def test_all_entries_carry_their_gradient_to_the_values() -> None:
    x = draw(0, 5, 4)
    sparse = features(csr_array(x))
    assert isinstance(sparse, SparseRows)
    values = sparse.values.clone().requires_grad_()
    full = dense(sparse.map(lambda _: values))
    np.testing.assert_array_equal(full.detach(), x)
    assert dense(full) is full
    upstream = torch.arange(20.0).view(5, 4)
    full.backward(upstream)
    assert torch.equal(values.grad, upstream[torch.from_numpy(x != 0)])


def test_each_value_knows_its_row() -> None:
    x = csr_array(np.array([[0, 1, 2], [0, 0, 0], [3, 0, 0]], np.float32))
    sparse = features(x)
    assert sparse.values.tolist() == [1, 2, 3]
    assert sparse.row.tolist() == [0, 0, 2]
    assert sparse.columns.tolist() == [1, 2, 0]
    assert sparse.columnptr.tolist() == [0, 1, 2, 3]
    assert sparse.values[sparse.transpose].tolist() == [3, 1, 2]


def test_map_changes_values_alone() -> None:
    x = draw(0, 5, 4)
    sparse = features(csr_array(x))
    doubled = sparse.map(lambda values: 2 * values)
    torch.testing.assert_close(doubled @ torch.eye(4), torch.from_numpy(2 * x))
    torch.testing.assert_close(sparse @ torch.eye(4), torch.from_numpy(x))
    assert doubled.columns is sparse.columns


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dense_features_are_contiguous_float32(dtype: type) -> None:
    x = np.asfortranarray(np.arange(6, dtype=dtype).reshape(2, 3))
    dense = features(x)
    assert dense.dtype == torch.float32
    assert dense.is_contiguous()
    assert dense.tolist() == x.tolist()


def test_features_without_any_entry() -> None:
    sparse = features(csr_array((3, 2), dtype=np.float32))
    assert sparse.shape == (3, 2)
    assert (sparse @ torch.ones(2, 5)).tolist() == [[0] * 5] * 3
