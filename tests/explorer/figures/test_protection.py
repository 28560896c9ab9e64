"""Protection over the histogram of degrees."""

from __future__ import annotations

import numpy as np
import pytest

from engine.spec import Protection
from explorer.figures.protection import protection

DEGREE = np.array([1, 1, 2, 4])


def test_curve_and_bars_follow_the_cdf(seen) -> None:
    figure = protection(DEGREE, Protection(p_min=0.0, p_max=0.2))
    nodes, protected, curve = seen(figure)["data"]
    assert nodes["y"] == [2, 1, 1]
    assert curve["y"] == pytest.approx([0.1, 0.15, 0.2])
    assert protected["y"] == pytest.approx([0.2, 0.15, 0.2])
    assert "about 0.6 of 4 nodes" in figure.layout.meta["summary"]
    assert "with probability 10.0 %, a hub with 20.0 %" in figure.layout.meta["summary"]


def test_curve_of_a_set_is_a_mean_over_its_graphs(seen) -> None:
    starts = np.array([0, 2, 2, 4])
    figure = protection(DEGREE, Protection(p_min=0.0, p_max=0.2), starts=starts)
    nodes, protected, curve = seen(figure)["data"]
    assert nodes["y"] == [2, 1, 1]
    assert curve["y"] == pytest.approx([0.2, 0.1, 0.2]), "both 1s are the largest of their graph"
    assert protected["y"] == pytest.approx([0.4, 0.1, 0.2])
    assert "17.5 % of its nodes" in figure.layout.meta["summary"]
    assert figure.layout.meta["summary"].endswith("degrees count within a graph.")


def test_axis_stands_still_while_p_max_moves(seen) -> None:
    tops = [
        seen(protection(DEGREE, Protection(p_max=p)))["layout"]["yaxis2"]["range"][1]
        for p in (0.02, 0.1, 0.11, 0.7, 1.0)
    ]
    assert tops == pytest.approx([0.104, 0.104, 0.208, 1.04, 1.04])


def test_off_is_said(seen) -> None:
    figure = protection(DEGREE, Protection())
    seen(figure)
    assert figure.layout.meta["summary"].startswith("Protection is off")


@pytest.mark.parametrize("degree", [[], [0], [3, 3]])
def test_odd_graphs_have_a_chart_too(seen, degree: list[int]) -> None:
    seen(protection(np.array(degree, dtype=np.int64), Protection(p_max=1.0)))
