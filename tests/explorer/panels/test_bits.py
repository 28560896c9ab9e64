"""The grid's columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from explorer.panels.bits import WIDEST_GRID, column_title, columns


@given(st.integers(2, 64))
def test_columns_hold_each_layer_once(layers: int) -> None:
    held = columns(layers)
    assert [layer for column in held for layer in column] == list(range(layers))
    assert len(held) <= WIDEST_GRID
    assert held[0] == range(1)
    assert held[-1] == range(layers - 1, layers)


def test_titles_count_from_one() -> None:
    assert [column_title(column) for column in columns(9)] == ["1", "2 to 8", "9"]
