"""Codes survive packing, and take the bytes they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import affine
from engine.integer.packing import IntArray, pack, stored_zero, unpack, word_count, zero_offset
from engine.spec import QuantSpec

BITS = [2, 3, 4, 5, 6, 7, 8, 16]


@given(
    bits=st.sampled_from(BITS),
    signed=st.booleans(),
    shape=st.lists(st.integers(0, 7), min_size=1, max_size=3),
    seed=st.integers(0, 2**32 - 1),
)
def test_codes_survive(bits: int, signed: bool, shape: list[int], seed: int) -> None:
    spec = QuantSpec(bits=bits, signed=signed)
    codes = np.random.default_rng(seed).integers(spec.qmin, spec.qmax + 1, shape, np.int32)
    words = pack(codes, spec)
    assert words.shape == (*shape[:-1], word_count(shape[-1], spec))
    np.testing.assert_array_equal(unpack(words, shape[-1], spec), codes)
    assert unpack(words, shape[-1], spec).dtype == np.int32


@pytest.mark.parametrize(
    ("bits", "row_bytes"), [(2, 3), (3, 5), (4, 5), (5, 9), (7, 9), (8, 9), (16, 18)]
)
def test_nine_codes_take_bytes(bits: int, row_bytes: int) -> None:
    params = affine.qparams(-1, 1, QuantSpec(bits=bits))
    assert IntArray.quantize(np.zeros((10, 9)), params).nbytes == 10 * row_bytes


def test_codes_lie_in_planes() -> None:
    spec = QuantSpec(bits=4, signed=False)
    assert pack(np.array([1, 2, 3, 4, 5], np.int32), spec).tolist() == [0x41, 0x52, 0x03]


@given(bits=st.sampled_from(BITS), channel=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_array_is_what_affine_makes(bits: int, channel: bool, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(4, 5)).astype(np.float32)
    spec = QuantSpec(bits=bits, granularity="channel" if channel else "tensor")
    params = affine.qparams(
        x.min(axis=0 if channel else None), x.max(axis=0 if channel else None), spec
    )
    array = IntArray.quantize(x, params)
    codes = affine.quantize(x, params)
    np.testing.assert_array_equal(array.codes(), codes)
    np.testing.assert_array_equal(array.real(), affine.dequantize(codes, params))
    assert zero_offset(params) == params.zero.flat[0] - spec.qmin


@pytest.mark.parametrize("spec", [QuantSpec(bits=1), QuantSpec(bits=1, signed=False)], ids=str)
@given(shape=st.lists(st.integers(0, 20), min_size=1, max_size=2), seed=st.integers(0, 99))
def test_signs_take_a_bit_each(spec: QuantSpec, shape: list[int], seed: int) -> None:
    stored = np.random.default_rng(seed).integers(0, 2, shape, np.int32)
    codes = spec.qmin + spec.stride * stored
    words = pack(codes, spec)
    assert words.shape == (*shape[:-1], -(-shape[-1] // 8))
    np.testing.assert_array_equal(unpack(words, shape[-1], spec), codes)


def test_what_is_stored_of_zero() -> None:
    for spec, zero in ((QuantSpec(bits=1), 0), (QuantSpec(bits=2, ternary=True), 1)):
        params = affine.qparams(-1, 1, spec)
        assert pack(affine.quantize(np.zeros(1), params), spec).tolist() == [zero]
        assert stored_zero(params) == zero
