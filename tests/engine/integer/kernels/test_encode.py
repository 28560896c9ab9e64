"""Rows end as the twins say: in float32 or float64, with links or without, in words or reals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer.kernels.operands import CodeTarget, Packed, RealTarget
from engine.integer.kernels.table import NUMBA, NUMPY
from engine.integer.packing import pack, word_count, word_type
from engine.spec import QuantSpec


def drawn(
    rng: np.random.Generator, bits: int, width: int, rows: int = 0
) -> tuple[CodeTarget, Packed, Packed]:
    """Return a target with random links, and operands of `scale` that reach all of its codes."""
    spec, rows = QuantSpec(bits=bits, signed=False), rows or int(rng.integers(1, 9))
    zero, high = int(rng.integers(spec.qmax + 1)), spec.qmax
    words = np.full((rows, word_count(width, spec)), 0xA5, word_type(spec))
    factor = 10.0 ** rng.uniform(-3, 0.5, width) * rng.choice([1, 1, -1, 0.5], width)
    target = CodeTarget(words, spec.storage_bits, zero, high, factor)
    if bits <= 8 and rng.integers(2):
        near = np.stack([factor, rng.choice([0, 0.25], width)]).astype(np.float32)
        target = target._replace(near=near)
    if bits <= 8 and (links := int(rng.integers(4))):
        first = int(rng.integers(1, 256))
        limits = np.array([[-np.inf, -first, 255 - first]] * (links + 1), np.float32)
        limits[rng.random(links + 1) < 0.3, 0] = 0
        limits[-1, 1:] = -zero, high - zero
        by_row = int(rng.integers(2))
        columns = rng.normal(size=(links - by_row, 2, width)).astype(np.float32)
        columns[:, 1] *= 20
        own = rng.normal(size=(rows * by_row, 2)).astype(np.float32)
        target = target._replace(limits=limits, rows=own, columns=columns)
    wide = QuantSpec(bits=8, signed=False)
    x = Packed(pack(rng.integers(0, 256, (rows, width), np.int32), wide), 8, 128, width)
    norm = Packed(pack(rng.integers(0, 256, (1, rows), np.int32), wide), 8, 3, rows)
    return target, x, norm


def both(target: Any, twin: Any, x: Packed, norm: Packed, kind: type) -> None:
    NUMBA.scale(x, norm, target, np.dtype(kind))
    NUMPY.scale(x, norm, twin, np.dtype(kind))


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8, 16])
@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    width=st.one_of(st.integers(1, 140), st.sampled_from([128, 256, 40, 7, 33, 65])),
)
def test_codes(bits: int, kind: type, seed: int, width: int) -> None:
    target, x, norm = drawn(np.random.default_rng(seed), bits, width)
    twin = target._replace(words=np.zeros_like(target.words))
    both(target, twin, x, norm, kind)
    np.testing.assert_array_equal(target.words, twin.words)


@pytest.mark.parametrize("words", [2, 4, 8])
@pytest.mark.parametrize("bits", [2, 4, 8])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 40))
def test_rows_of_few_words(bits: int, words: int, seed: int, rows: int) -> None:
    """Several are ended at once where float32 is proven, and not all codes of a word need be."""
    rng, places = np.random.default_rng(seed), 8 // bits
    width = int(rng.integers((words - 1) * places + 1, words * places + 1))
    target, x, norm = drawn(rng, bits, width, rows)
    if not target.near.size:
        near = np.stack([target.factor, np.zeros(width)])
        target = target._replace(near=near.astype(np.float32))
    assert target.words.shape == (rows, words)
    behind = np.full((rows + 20, words), 0xA5, np.uint8)
    made, twin = target._replace(words=behind[:rows]), target._replace(words=target.words.copy())
    both(made, twin, x, norm, np.int32)
    np.testing.assert_array_equal(made.words, twin.words)
    assert (behind[rows:] == 0xA5).all()


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 70))
def test_reals(kind: type, seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    _, x, norm = drawn(rng, 8, width)
    real = np.full((norm.width, width), np.nan, np.float32)
    target = RealTarget(real, rng.normal(size=width).astype(np.float32))
    twin = target._replace(real=real.copy())
    both(target, twin, x, norm, kind)
    np.testing.assert_array_equal(target.real, twin.real)


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("bits", [2, 4, 8])
@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 70))
def test_reals_of_codes(bits: int, kind: type, seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    codes, x, norm = drawn(rng, bits, width)
    real = np.full((norm.width, width), np.nan, np.float32)
    exact = rng.integers(-(1 << 30), 1 << 30, (2, width)).astype(np.float64)
    factor = rng.normal(size=width).astype(np.float32)
    target = RealTarget(real, factor, codes, exact)
    twin = target._replace(real=real.copy())
    both(target, twin, x, norm, kind)
    np.testing.assert_array_equal(target.real, twin.real)


def test_ties_go_to_even_codes() -> None:
    """Half a code up or down by what is even before the code of zero is added, in both types."""
    wide = QuantSpec(bits=8, signed=False)
    x = Packed(pack(np.arange(256, dtype=np.int32)[None], wide), 8, 128, 256)
    one = Packed(np.array([[1]], np.uint8), 8, 0, 1)
    expected = np.rint((np.arange(256) - 128) / 2) + 65
    for near in (False, True):
        target = CodeTarget(np.zeros((1, 256), np.uint8), 8, 65, 255, np.full(256, 0.5))
        if near:
            target = target._replace(near=np.stack([np.full(256, 0.5), np.zeros(256)]).astype("f4"))
        NUMBA.scale(x, one, target, np.dtype(np.int32))
        np.testing.assert_array_equal(target.words[0], expected)
