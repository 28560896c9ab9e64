"""Sums of sparse features are those of dense ones, entry by entry, and so are their gradients."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine.graphs import Neighbours
from engine.graphs.features import SPARSE_BELOW
from engine.learning.adjacency import Adjacency
from engine.learning.features import SparseRows, dense, features
from engine.learning.sparse_sums import averaged, summed


def draw(seed: int, share: float) -> tuple[Adjacency, SparseRows]:
    """Return edges between some nodes, and features of which a share is stored."""
    rng = np.random.default_rng(seed)
    nodes, width = rng.integers(1, 12, 2)
    degree = rng.integers(0, 4, nodes)
    rowptr = np.concatenate([[0], np.cumsum(degree)])
    source = rng.integers(0, nodes, rowptr[-1]).astype(np.int32)
    rows = Neighbours(rowptr, source, None, None)
    x = np.where(rng.random((nodes, width)) < share, rng.normal(size=(nodes, width)), 0)
    sparse = features(csr_array(x.astype(np.float32)))
    assert isinstance(sparse, SparseRows)
    return Adjacency(rows, rows.transposed()), sparse


@given(
    seed=st.integers(0, 10_000),
    share=st.sampled_from([0, 0.02, 0.1, 0.5]),
    own=st.sampled_from([0.0, 1.0, 1.25]),
)
def test_sums_and_gradients(seed: int, share: float, own: float) -> None:
    adjacency, x = draw(seed, share)
    one, other = (x.values.clone().requires_grad_() for _ in range(2))
    sums = summed(adjacency, x.map(lambda _: one), own)
    wanted = adjacency.sum(dense(x.map(lambda _: other)), own=own)
    count = csr_array((np.ones(len(x.columns)), x.columns, x.rowptr), shape=x.shape).sum(axis=1)
    reached = count[adjacency.source].sum() + (own != 0) * len(x.columns)
    assert isinstance(sums, SparseRows) == (reached < SPARSE_BELOW * wanted.numel())
    torch.testing.assert_close(dense(sums), wanted)
    upstream = torch.randn(wanted.shape, generator=torch.Generator().manual_seed(seed))
    dense(sums).backward(upstream)
    wanted.backward(upstream)
    torch.testing.assert_close(one.grad, other.grad)
    torch.testing.assert_close(dense(averaged(adjacency, x)), adjacency.mean(dense(x)))


@given(seed=st.integers(0, 10_000))
def test_a_product_carries_gradients_to_both(seed: int) -> None:
    _, x = draw(seed, 0.3)
    weight = torch.randn(x.shape[1], 3, generator=torch.Generator().manual_seed(seed))
    found = []
    for sparse in (True, False):
        values, by = x.values.clone().requires_grad_(), weight.clone().requires_grad_()
        held = x.map(lambda _, values=values: values)
        product = (held if sparse else dense(held)) @ by
        product.square().sum().backward()
        found.append((product.detach(), values.grad, by.grad))
    for sparse_one, dense_one in zip(*found, strict=True):
        torch.testing.assert_close(sparse_one, dense_one)


def test_other_values_at_the_same_places_need_no_other_sums() -> None:
    adjacency, x = draw(1, 0.02)
    first, second = summed(adjacency, x), summed(adjacency, x.map(lambda values: 2 * values))
    assert isinstance(first, SparseRows)
    assert isinstance(second, SparseRows)
    assert first.columns is second.columns
    assert torch.equal(second.values, 2 * first.values)
