"""The small drawing of degrees and protection."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import Protection
from explorer.panels.protection import HEIGHT, WIDTH, drawing, protection_sentence


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_drawing_stays_inside_its_box(degrees: list[int], one: float, two: float) -> None:
    protection = Protection(p_min=min(one, two), p_max=max(one, two))
    svg = ElementTree.fromstring(f"<div>{drawing(np.array(degrees), protection)}</div>")[0]
    bars = [bar for bar in svg if bar.tag == "rect"]
    assert any(float(bar.get("height")) > 0 for bar in bars)
    for bar in bars:
        assert -1 <= float(bar.get("x")) <= WIDTH
        assert float(bar.get("y")) >= -0.1
        assert float(bar.get("y")) + float(bar.get("height")) <= HEIGHT + 0.2
    corners = [corner.split(",") for corner in svg.find("polyline").get("points").split()]
    assert len(corners) == len(set(degrees))
    assert all(-0.1 <= float(x) <= WIDTH + 0.1 for x, _ in corners)
    assert all(-0.1 <= float(y) <= HEIGHT + 0.1 for _, y in corners)


def test_sentence_counts_the_protected() -> None:
    degree = np.array([1, 2, 3, 4])
    assert "about 4 of 4 nodes" in protection_sentence(degree, Protection(p_min=1, p_max=1))
    assert "about 2 of 4 nodes" in protection_sentence(degree, Protection(p_min=0.5, p_max=0.5))
    assert protection_sentence(degree, Protection()) == "No node is protected."


def test_in_a_set_degrees_count_within_a_graph() -> None:
    degree, starts = np.array([1, 1, 2, 4]), np.array([0, 2, 4])
    half = Protection(p_max=0.5)
    said = protection_sentence(degree, half, starts)
    assert said == "A step keeps about 43.8 % of its nodes in float; degrees count within a graph."
    drawn = drawing(degree, half, starts)
    assert "mean p(degree), up to 0.5" in drawn
    corners = ElementTree.fromstring(f"<div>{drawn}</div>")[0].find("polyline").get("points")
    heights = [float(corner.split(",")[1]) for corner in corners.split()]
    assert heights[0] == heights[2] < heights[1]
    assert drawing(np.zeros(0, np.int64), half, np.zeros(3, np.int64)) == ""
