"""Fronts and hypervolumes against counting points one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.search import hypervolume, is_on_front

SIDE = 5


@st.composite
def results(draw: st.DrawFn) -> NDArray[np.float64]:
    """Draw integer gains within a small box, some of them on its bounds or below."""
    shape = draw(st.integers(0, 7)), draw(st.integers(1, 3))
    entries = st.lists(st.integers(-1, SIDE), min_size=shape[0] * shape[1], max_size=50)
    held = draw(entries)[: shape[0] * shape[1]]
    return np.array(held, dtype=np.float64).reshape(shape)


def counted(gains: NDArray[np.float64]) -> int:
    """Return how many unit cells of the box lie beneath some result."""
    sides = gains.shape[1]
    cells = np.stack(np.meshgrid(*[np.arange(SIDE)] * sides, indexing="ij"), -1).reshape(-1, sides)
    return sum(any((cell + 1 <= gain).all() for gain in gains) for cell in cells)


@given(results())
def test_volume_is_that_of_the_cells_beneath(gains: NDArray[np.float64]) -> None:
    assert hypervolume(gains) == pytest.approx(counted(gains))


@given(results())
def test_a_result_is_on_the_front_unless_another_beats_it(gains: NDArray[np.float64]) -> None:
    def beats(one: Any, other: Any) -> bool:
        return bool((one >= other).all() and (one > other).any())

    wanted = [not any(beats(one, other) for one in gains) for other in gains]
    assert is_on_front(gains).tolist() == wanted


def test_what_lies_beneath_another_adds_nothing() -> None:
    gains = np.array([[2.0, 3.0], [4.0, 1.0], [1.0, 1.0]])
    assert hypervolume(gains) == hypervolume(gains[:2]) == 2 * 3 + 2 * 1
