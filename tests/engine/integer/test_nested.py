"""Rows in codes of their own: each code is the nearest that its row has, and takes its bits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine import affine
from engine.integer.nested import NestedArray, nested_bytes
from engine.integer.packing import IntArray
from engine.spec import Bucket, QuantSpec

BITS = [2, 3, 4, 5, 6, 7, 8, 16]


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
