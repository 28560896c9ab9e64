"""Extremes and tails: whatever the guess, they are those of the unprotected rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.affine import percentiles
from engine.learning.kernels import reach

NOBODY = np.zeros(0, np.bool_)
SHAPES = st.tuples(st.integers(0, 20), st.integers(1, 5))
REALS = st.sampled_from([0.0, 1.0, -1.0]) | st.floats(-100, 100, width=32)
TAILS = st.floats(0, 0.5, exclude_max=True)


@st.composite
def masked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    x = draw(arrays(np.float32, SHAPES, elements=REALS))
    return x, draw(st.just(NOBODY) | arrays(np.bool_, len(x)))


def slow_tails(x: np.ndarray, protected: np.ndarray, tail: float) -> tuple[float, float]:
    bottom, top = percentiles(x[~protected] if protected.size else x, tail)
    return min(bottom, 0), max(top, 0)


@given(given=masked(), tail=TAILS, low=st.floats(-100, 0), high=st.floats(0, 100))
def test_tails_beyond_any_guess(
    given: tuple[np.ndarray, np.ndarray], tail: float, low: float, high: float
) -> None:
    expected = (True, *slow_tails(*given, tail))
    guessed = reach.beyond(*given, tail, np.float32(low), np.float32(high))
    assert guessed == expected if guessed[0] else low or high
    assert reach.beyond(*given, tail, np.float32(0), np.float32(0)) == expected
    assert reach.tails(*given, tail) == expected[1:]


def test_guesses_are_found_out() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    bottom, top = percentiles(x, 0.001)
    good = reach.beyond(x, NOBODY, 0.001, np.float32(0.93 * bottom), np.float32(0.93 * top))
    assert good == (True, bottom, top)
    wide = reach.beyond(x, NOBODY, 0.001, np.float32(1.1 * bottom), np.float32(1.1 * top))
    assert not wide[0]
    loose = reach.beyond(x, NOBODY, 0.001, np.float32(0), np.float32(0))
    assert not loose[0], "more entries than there is room for"


SHAPED = {
    "normal": lambda x: x,
    "heavy": lambda x: x**9,
    "positive": np.abs,
    "negative": lambda x: -np.abs(x),
    "half zero": lambda x: np.maximum(x, 0),
    "nearly all zero": lambda x: np.where(np.abs(x) > 3, x, 0),
    "zero": lambda x: 0 * x,
    "few values": np.round,
    "by column": lambda x: x * 10.0 ** np.arange(-8, 8),
    "by row": lambda x: x * np.geomspace(1e-6, 1e6, len(x))[:, None],
}


@pytest.mark.parametrize("shaped", SHAPED)
@pytest.mark.parametrize("tail", [0.0, 0.001, 0.01, 0.2])
def test_tails_of_large_tensors(shaped: str, tail: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x = SHAPED[shaped](rng.normal(size=(3000, 16))).astype(np.float32)
    for protected in (NOBODY, rng.random(len(x)) < 0.3, np.arange(len(x)) > 10):
        assert reach.tails(x, protected, tail) == slow_tails(x, protected, tail)
    if shaped in ("normal", "heavy", "positive", "half zero") and tail < 0.2:
        monkeypatch.setattr(reach, "percentiles", None)
        assert reach.tails(x, NOBODY, tail) == slow_tails(x, NOBODY, tail), "without sorting all"


@given(given=masked())
def test_extremes(given: tuple[np.ndarray, np.ndarray]) -> None:
    x, protected = given
    rows = x[~protected] if protected.size else x
    assert reach.extremes(x, protected) == (rows.min(initial=0), rows.max(initial=0))
