"""Sums and maxima from registers equal those of whole arrays, at every width, degree and place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer.kernels.neighbours import (
    AHEAD,
    CHUNK,
    TILES,
    adder,
    comparer,
    gather_hubs,
    rows_of,
    weigh_hubs,
    weigher,
    weight_type,
)
from engine.integer.kernels.operands import Incoming, Packed
from engine.integer.packing import pack
from engine.spec import QuantSpec

BITS = 2, 4, 8, 16
WIDTHS = st.integers(1, 40) | st.sampled_from([64, 127, 128, 129, 200, 256, 300, 515])
COUNTS = st.sampled_from([0, 1, 2, 16, 17, 18, 85, 86, 257, 258, 600])
"""Edges of a piece: one less than a lane holds, as many, one more."""


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = numba.get_num_threads()
    numba.set_num_threads(min(request.param, before))
    yield
    numba.set_num_threads(before)


def drawn(
    rng: np.random.Generator, rows: int, width: int, bits: int, offset: int
) -> tuple[np.ndarray, Packed]:
    """Return codes, many of them as high as can be, and the same packed at an odd place."""
    spec = QuantSpec(bits=bits, signed=False)
    codes = rng.integers(0, spec.qmax + 1, (rows, width))
    codes[:, rng.random(width) < 0.3] = spec.qmax
    words = pack(codes.astype(np.int32), spec)
    memory = np.full(words.nbytes + 64 + offset, 0xA5, np.uint8)
    start = -memory.ctypes.data % 64 + offset * words.itemsize
    placed = memory[start : start + words.nbytes].view(words.dtype).reshape(words.shape)
    placed[:] = words
    zero = int(rng.choice([0, spec.qmax, rng.integers(spec.qmax + 1)]))
    return codes - zero, Packed(placed, bits, zero, width)


def in_pieces(rng: np.random.Generator, rows: int, counts: list[int]) -> Incoming:
    """Return edges of which each piece has a count, one piece after the other."""
    ends = np.cumsum([0, *counts])
    source = rng.integers(0, rows, ends[-1]).astype(np.int32)
    source[rng.random(source.size) < 0.3] = rows - 1  # the row that nothing lies behind
    pieces = np.stack([ends[:-1], ends[1:]], axis=1)
    return Incoming(ends, source, np.empty((0, 4), np.int64), pieces)


def summed(edges: Any, incoming: Incoming) -> np.ndarray:
    return np.stack([edges[first:last].sum(axis=0) for first, last in incoming.pieces])


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
    incoming, held = in_pieces(rng, rows, counts), rows_of(message)
    accumulator = np.dtype(np.int64 if wide else np.int32)
    edges = codes[incoming.source]
    sums = gather_hubs(adder(held, accumulator), held, incoming, accumulator)
    np.testing.assert_array_equal(sums[:, :width], summed(edges, incoming))
    largest = gather_hubs(comparer(held, accumulator), held, incoming, accumulator)
    wanted = [
        edges[first:last].max(axis=0) if first < last else np.zeros(width)
        for first, last in incoming.pieces
    ]
    np.testing.assert_array_equal(largest[:, :width], wanted)


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
    incoming, held = in_pieces(rng, rows, counts), rows_of(message)
    weights, weight = drawn(rng, incoming.source.size, heads, weight_bits, 0)
    accumulator = np.dtype(np.int64 if wide or bits + weight_bits > 20 else np.int32)
    kind = weight_type(weight)
    loop = weigher(held, heads, kind, accumulator)
    sums = weigh_hubs(loop, held, incoming, weight, kind, accumulator)
    edges = codes[incoming.source] * np.repeat(weights, channels, axis=1)
    np.testing.assert_array_equal(sums[:, : heads * channels], summed(edges, incoming))


def test_sums_of_sixteen_bits_outlast_their_lanes() -> None:
    rng = np.random.default_rng(0)
    codes, message = drawn(rng, 3, 5, 16, 0)
    codes[:], message.words[:] = 65535 - message.zero, 65535
    incoming, held = in_pieces(rng, 3, [70_000]), rows_of(message)
    accumulator = np.dtype(np.int64)
    sums = gather_hubs(adder(held, accumulator), held, incoming, accumulator)
    np.testing.assert_array_equal(sums[0, :5], 70_000 * codes[0])


def test_sums_that_wrap_on_the_way_end_right() -> None:
    rng = np.random.default_rng(0)
    _, message = drawn(rng, 2, 3, 16, 0)
    message.words[:] = [[0] * 3, [65535] * 3]
    message = message._replace(zero=32768)
    incoming, held = in_pieces(rng, 2, [200_000]), rows_of(message)
    incoming.source[:] = np.arange(200_000) < 100_000  # 3 276 700 000 before it comes back down
    accumulator = np.dtype(np.int32)
    sums = gather_hubs(adder(held, accumulator), held, incoming, accumulator)
    np.testing.assert_array_equal(sums[0, :3], -100_000)


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(("width", "lanes"), [(1, 16), (40, 64), (128, 128), (160, 64)])
def test_tiles_fit_the_row_and_the_registers(bits: int, width: int, lanes: int) -> None:
    words = np.zeros((2, width), np.uint16 if bits == 16 else np.uint8)
    loop = adder(rows_of(Packed(words, bits, 0, width)), np.dtype(np.int32))
    assert loop.lanes in TILES
    assert loop.lanes <= lanes
    if bits == 8:
        assert loop.lanes == lanes
