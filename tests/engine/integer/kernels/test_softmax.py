"""Attention's softmax is that of mathematics, whatever the degree, the heads and the threads."""

from __future__ import annotations

import numpy as np
import pytest

from engine.integer.kernels.operands import RealTarget
from engine.integer.kernels.shares import share_out
from engine.integer.kernels.softmax import CHUNK, weight_bits
from engine.integer.kernels.table import NUMBA, NUMPY


@pytest.mark.parametrize("heads", [1, 2, 3, 8, 9, 16])
@pytest.mark.parametrize("degree", [1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 3])
def test_shares(heads: int, degree: int) -> None:
    rng = np.random.default_rng(degree)
    rowptr = np.array([0, degree, degree, degree + 3])
    source = rng.integers(0, 50, rowptr[-1]).astype(np.int32)
    logit = rng.normal(scale=4, size=(50, 2 * heads)).astype(np.float32)
    incoming = share_out(rowptr, source, 20)
    shares = np.full((2, source.size, heads), np.nan, np.float32)
    for kernels, into in zip((NUMBA, NUMPY), shares, strict=True):
        target = RealTarget(into, np.ones(heads, np.float32))
        kernels.softmax(incoming, logit, np.full(2 * heads, 0.5), 0.2, target)
    np.testing.assert_array_equal(*shares)
    for row in (0, 2):
        edges = slice(*rowptr[row : row + 2])
        x = 0.5 * (logit[source[edges], :heads] + logit[row, heads:]).astype(np.float64)
        powers = np.exp(np.where(x > 0, x, 0.2 * x))
        wanted = powers / powers.sum(axis=0)
        np.testing.assert_allclose(shares[0, edges], wanted, rtol=1e-6, atol=1e-9)


def test_the_sum_of_what_edges_weigh_is_exact_at_any_degree() -> None:
    for degree in (0, 1, 5000, 2**31):
        rowptr = np.array([0, degree])
        incoming = share_out(np.array([0, 0]), np.empty(0, np.int32))._replace(rowptr=rowptr)
        assert degree * 2.0 ** weight_bits(incoming) <= 2.0**53
