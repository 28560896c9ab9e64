"""Stored entries alone have codes, and the places they are at are counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine import affine
from engine.integer.kernels.operands import BLOCK
from engine.integer.kernels.table import NUMBA
from engine.integer.packing import IntArray
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.stage import hold
from engine.spec import QuantSpec

BITS = [2, 3, 4, 5, 6, 7, 8, 16]


def test_sparse_array_counts_its_places() -> None:
    params = affine.qparams(0, 1, QuantSpec(bits=4, signed=False))
    x = csr_array(np.array([[0, 0, 1], [0.2, 0.4, 0]], np.float32))
    array = hold(x, params, NUMBA)
    assert isinstance(array, SparseIntArray)
    assert array.shape == (2, 3)
    assert array.nbytes == BLOCK // 2 + 3 * 8 + 3 * 4
    np.testing.assert_allclose(array.real().toarray(), [[0, 0, 1], [0.2, 0.4, 0]])
    assert array.codes().tolist() == [15, 3, 6]


@given(bits=st.sampled_from(BITS), signed=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_sparse_array_with_every_entry(bits: int, signed: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4, 6)) * (rng.random((4, 6)) < 0.3)
    params = affine.qparams(x.min(), x.max(), QuantSpec(bits=bits, signed=signed))
    sparse = hold(csr_array(x), params, NUMBA)
    assert isinstance(sparse, SparseIntArray)
    np.testing.assert_array_equal(sparse.dense().words, IntArray.quantize(x, params).words)
