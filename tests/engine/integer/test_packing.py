"""Codes survive packing, and take the bytes they should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from engine import affine
from engine.integer.kernels.operands import BLOCK
from engine.integer.kernels.table import NUMBA
from engine.integer.packing import (
    IntArray,
    NestedArray,
    SparseIntArray,
    nested_bytes,
    pack,
    stored_zero,
    unpack,
    word_count,
    zero_offset,
)
from engine.integer.stages.stage import hold
from engine.spec import Bucket, QuantSpec

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


def nested_case(
    bits: int, widths: list[int], shape: tuple[int, ...], seed: int
) -> tuple[IntArray, list[np.ndarray]]:
    """Return codes of a grid with random nested ones, and the rows of each."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype(np.float32)
    plain = QuantSpec(bits=bits, signed=bool(rng.integers(2)))
    grid = affine.qparams(x.min(initial=0), x.max(initial=0), plain)
    buckets = tuple(Bucket(degree=d, bits=min(w, bits)) for d, w in enumerate(widths))
    reaches = [None if rng.integers(3) == 0 else tuple(rng.random(2)) for _ in buckets]
    params = affine.with_buckets(grid, replace(plain, buckets=buckets), reaches)
    bucket = rng.integers(0, len(widths) + 1, shape[0])  # some have no rows
    rows = [np.flatnonzero(bucket == index) for index in range(len(widths) + 1)]
    return IntArray.quantize(x, params), rows


@given(
    bits=st.sampled_from(BITS),
    widths=st.lists(st.sampled_from(BITS), max_size=4),
    rows=st.integers(0, 9),
    columns=st.integers(0, 9),
    seed=st.integers(0, 2**32 - 1),
)
def test_nested_rows_are_each_code_by_itself(
    bits: int, widths: list[int], rows: int, columns: int, seed: int
) -> None:
    array, of_bucket = nested_case(bits, widths, (rows, columns), seed)
    params, codes = array.params, array.codes()
    held = NestedArray.narrow(array, of_bucket)
    wanted = codes.copy()
    for nested, those in zip(params.nested, of_bucket[1:], strict=True):
        for row in those:
            for column in range(columns):
                place = round((codes[row, column] - int(params.zero)) / nested.multiple)
                place = min(max(place, -nested.below), nested.above)
                wanted[row, column] = place * nested.multiple + int(params.zero)
    np.testing.assert_array_equal(held.codes(), wanted)
    again = NestedArray.narrow(held.widened(), of_bucket)
    np.testing.assert_array_equal(again.codes(), wanted)
    assert held.nbytes == nested_bytes((rows, columns), params, of_bucket)
    np.testing.assert_array_equal(held.real(), affine.dequantize(wanted, params))


@given(
    widths=st.lists(st.sampled_from(BITS), max_size=3),
    entries=st.integers(0, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_entries_of_rows_are_nested_alike(widths: list[int], entries: int, seed: int) -> None:
    array, of_bucket = nested_case(8, widths, (entries,), seed)
    column = IntArray.quantize(array.real()[:, None], array.params)
    held = NestedArray.narrow(array, of_bucket)
    by_row = NestedArray.narrow(column, of_bucket)
    np.testing.assert_array_equal(held.codes(), by_row.codes()[:, 0])


def test_nested_rows_take_the_bytes_of_their_width() -> None:
    array, _ = nested_case(8, [4, 2], (6, 8), 0)
    rows = [np.array([0]), np.array([2, 4]), np.array([1, 3, 5])]
    assert NestedArray.narrow(array, rows).nbytes == 8 + 2 * 4 + 3 * 2
