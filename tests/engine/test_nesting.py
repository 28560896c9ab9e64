"""Nested codes lie on their grid, at the smallest multiple that reaches, as near as they can."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.nesting import Nested, nest

WIDTHS = [2, 3, 4, 5, 6, 7, 8, 16]
REACHES = st.none() | st.tuples(st.floats(0, 1e6), st.floats(0, 1e6))


@st.composite
def grids(draw: st.DrawFn) -> tuple[int, int, tuple[int, int]]:
    """Draw the width of nested codes, that of the grid, and its codes under and over 0.0."""
    of_grid = draw(st.sampled_from(WIDTHS))
    bits = draw(st.sampled_from([width for width in WIDTHS if width <= of_grid]))
    under = draw(st.integers(0, (1 << of_grid) - 1))
    return bits, of_grid, (under, (1 << of_grid) - 1 - under)


@given(grid=grids(), reach=REACHES, step=st.floats(2.0**-64, 1e3))
def test_codes_lie_on_the_grid(
    grid: tuple[int, int, tuple[int, int]], reach: tuple[float, float] | None, step: float
) -> None:
    bits, of_grid, (under, over) = grid
    found = nest(bits, reach, step, (under, over))
    assert 0 <= found.below < 1 << bits
    assert found.below + found.above == (1 << bits) - 1
    assert found.multiple >= 1
    assert found.multiple * found.below <= under
    assert found.multiple * found.above <= over
    if bits == of_grid:
        assert found == Nested(bits, 1, under)


@given(grid=grids(), below=st.floats(0, 1), above=st.floats(0, 1))
def test_no_smaller_multiple_has_enough_codes(
    grid: tuple[int, int, tuple[int, int]], below: float, above: float
) -> None:
    bits, of_grid, room = grid
    reach = below * room[0], above * room[1]
    found = nest(bits, reach, 1.0, room)
    enough = [m for m in range(1, (1 << of_grid - bits) + 1) if m << bits >= sum(reach)]
    assert found.multiple == enough[0]


def test_a_range_that_was_never_seen_is_the_grids() -> None:
    assert nest(4, None, 0.1, (0, 255)) == Nested(4, 16, 0)
    assert nest(2, None, 0.1, (128, 127)) == Nested(2, 64, 2)


@given(
    steps=st.lists(st.integers(-300, 300), max_size=20),
    bits=st.integers(2, 8),
    multiple=st.integers(1, 64),
    data=st.data(),
)
def test_places_are_the_nearest(
    steps: list[int], bits: int, multiple: int, data: st.DataObject
) -> None:
    nested = Nested(bits, multiple, data.draw(st.integers(0, (1 << bits) - 1)))
    codes = range(-nested.below, nested.above + 1)
    for step, place in zip(steps, nested.places(np.array(steps, np.int64)), strict=True):
        error = {code: abs(code * multiple - step) for code in codes}
        nearest = [code for code in codes if error[code] == min(error.values())]
        assert place in nearest
        assert len(nearest) == 1 or place % 2 == 0
