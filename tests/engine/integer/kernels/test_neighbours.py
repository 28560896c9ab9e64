"""Sums and maxima from registers equal those of whole arrays, at every width, degree and place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer.kernels.gather import gathered
from engine.integer.kernels.neighbours import AHEAD, FAR_BYTES, TILES, adder
from engine.integer.kernels.operands import Incoming, Packed, RealTarget
from engine.integer.kernels.shares import share_out
from engine.integer.kernels.threads import using_threads
from engine.integer.kernels.weigh import CHUNK, weighed
from engine.integer.kernels.work import perform
from engine.integer.packing import pack
from engine.spec import QuantSpec

BITS = 1, 2, 4, 8, 16
WIDTHS = st.integers(1, 40) | st.sampled_from([64, 127, 128, 129, 200, 256, 300, 515])
COUNTS = st.sampled_from([0, 1, 2, 16, 17, 18, 85, 86, 257, 258, 600])
"""Edges of a row: one less than a lane holds, as many, one more."""


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    with using_threads(request.param):
        yield


def packed(codes: np.ndarray, bits: int) -> np.ndarray:
    """Return codes packed; those of one bit, which no spec has yet, eight to a byte."""
    if bits > 1:
        return pack(codes.astype(np.int32), QuantSpec(bits=bits, signed=False))
    rows, width = codes.shape
    count = -(-width // 8)
    filled = np.zeros((rows, 8 * count), np.uint8)
    filled[:, :width] = codes
    shifts = np.arange(8, dtype=np.uint8)[:, None]
    return np.bitwise_or.reduce(filled.reshape(rows, 8, count) << shifts, axis=1)


def drawn(
    rng: np.random.Generator, rows: int, width: int, bits: int, offset: int
) -> tuple[np.ndarray, Packed]:
    """Return codes, many of them as high as can be, and the same packed at an odd place."""
    largest = (1 << bits) - 1
    codes = rng.integers(0, largest + 1, (rows, width))
    codes[:, rng.random(width) < 0.3] = largest
    words = packed(codes, bits)
    memory = np.full(words.nbytes + 64 + offset, 0xA5, np.uint8)
    start = -memory.ctypes.data % 64 + offset * words.itemsize
    placed = memory[start : start + words.nbytes].view(words.dtype).reshape(words.shape)
    placed[:] = words
    zero = int(rng.choice([0, largest, rng.integers(largest + 1)]))
    return codes - zero, Packed(placed, bits, zero, width)


def in_pieces(rng: np.random.Generator, rows: int, counts: list[int]) -> Incoming:
    """Return edges of which each row has a count; some rows are hubs, gathered in pieces."""
    ends = np.cumsum([0, *counts])
    source = rng.integers(0, rows, ends[-1]).astype(np.int32)
    source[rng.random(source.size) < 0.3] = rows - 1  # the row that nothing lies behind
    return share_out(ends, source, int(rng.choice([1, 50, 10_000])))


def real(rows: int, width: int) -> RealTarget:
    """Return a target that shows sums as they are, as long as float32 does."""
    return RealTarget(np.full((rows, width), np.nan, np.float32), np.ones(width, np.float32))


def summed(edges: Any, incoming: Incoming) -> np.ndarray:
    ends = incoming.rowptr
    rows = [edges[first:last].sum(axis=0) for first, last in pairwise(ends)]
    return np.stack(rows).astype(np.float32)


@pytest.mark.parametrize("bits", BITS)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 70) | st.just(300),
    width=WIDTHS,
    counts=st.lists(COUNTS, min_size=1, max_size=4),
    offset=st.integers(0, 5),
    wide=st.booleans(),
)
def test_sums_and_maxima(
    bits: int, seed: int, rows: int, width: int, counts: list[int], offset: int, wide: bool
) -> None:
    rng = np.random.default_rng(seed)
    codes, message = drawn(rng, rows, width, bits, offset)
    incoming = in_pieces(rng, rows, counts)
    accumulator = np.dtype(np.int64 if wide else np.int32)
    edges = codes[incoming.source]
    sums, largest = (real(len(counts), width) for _ in range(2))
    perform(gathered("sum", incoming, message, 1, (), sums, accumulator))
    np.testing.assert_array_equal(sums.real, summed(edges, incoming))
    perform(gathered("largest", incoming, message, 1, (), largest, accumulator))
    wanted = [
        edges[first:last].max(axis=0) if first < last else np.zeros(width)
        for first, last in pairwise(incoming.rowptr)
    ]
    np.testing.assert_array_equal(largest.real, wanted)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("weight_bits", [4, 8, 16])
@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 70),
    channels=st.integers(1, 20) | st.sampled_from([63, 64, 65, 130]),
    heads=st.integers(1, 4),
    counts=st.lists(st.sampled_from([0, 1, AHEAD, CHUNK, CHUNK + 1, 600]), min_size=1, max_size=3),
    wide=st.booleans(),
)
def test_weighted_sums(
    bits: int,
    weight_bits: int,
    seed: int,
    rows: int,
    channels: int,
    heads: int,
    counts: list[int],
    wide: bool,
) -> None:
    rng = np.random.default_rng(seed)
    codes, message = drawn(rng, rows, heads * channels, bits, int(rng.integers(6)))
    incoming = in_pieces(rng, rows, counts)
    weights, weight = drawn(rng, incoming.source.size, heads, weight_bits, 0)
    accumulator = np.dtype(np.int64 if wide or bits + weight_bits > 20 else np.int32)
    width = heads * channels
    target = real(len(counts), width)
    perform(weighed(incoming, message, weight, 1, width, target, accumulator))
    edges = codes[incoming.source] * np.repeat(weights, channels, axis=1)
    np.testing.assert_array_equal(target.real, summed(edges, incoming))


def test_sums_of_sixteen_bits_outlast_their_lanes() -> None:
    rng = np.random.default_rng(0)
    codes, message = drawn(rng, 3, 5, 16, 0)
    codes[:], message.words[:] = 65535 - message.zero, 65535
    incoming, target = in_pieces(rng, 3, [70_000]), real(1, 5)
    perform(gathered("sum", incoming, message, 1, (), target, np.dtype(np.int64)))
    np.testing.assert_array_equal(target.real[0], (70_000 * codes[0]).astype(np.float32))


def test_sums_that_wrap_on_the_way_end_right() -> None:
    rng = np.random.default_rng(0)
    _, message = drawn(rng, 2, 3, 16, 0)
    message.words[:] = [[0] * 3, [65535] * 3]
    message = message._replace(zero=32768)
    incoming, target = in_pieces(rng, 2, [200_000]), real(1, 3)
    incoming.source[:] = np.arange(200_000) < 100_000  # 3 276 700 000 before it comes back down
    perform(gathered("sum", incoming, message, 1, (), target, np.dtype(np.int32)))
    np.testing.assert_array_equal(target.real[0], -100_000)


def test_rows_that_are_far_are_asked_for_ahead() -> None:
    rng = np.random.default_rng(0)
    codes, message = drawn(rng, FAR_BYTES // 64 + 1, 64, 8, 0)
    incoming, target = in_pieces(rng, len(codes), [5] * 300), real(300, 64)
    perform(gathered("sum", incoming, message, 1, (), target, np.dtype(np.int32)))
    np.testing.assert_array_equal(target.real, summed(codes[incoming.source], incoming))
    few = message._replace(words=message.words[:10])
    assert adder(message, 32).address != adder(few, 32).address


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("width", "lanes"), [(1, 16), (40, 64), (128, 128), (160, 64)])
def test_tiles_fit_the_row_and_the_registers(bits: int, width: int, lanes: int) -> None:
    words = np.zeros((2, width), np.uint16 if bits == 16 else np.uint8)
    loop = adder(Packed(words, bits, 0, width), 32)
    assert loop.lanes in TILES
    assert loop.lanes <= lanes
    if bits == 8:
        assert loop.lanes == lanes
