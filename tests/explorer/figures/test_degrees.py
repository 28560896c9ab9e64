"""The histogram of in-degrees."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.figures.degrees import Bins, degrees


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=80))
def test_every_node_is_in_the_one_bin_that_accepts_its_degree(degree: list[int]) -> None:
    bins = Bins.of(degree)
    for node, d in enumerate(degree):
        accepting = np.flatnonzero((bins.low <= d) & (d <= bins.high))
        assert accepting.tolist() == [bins.bin[node]]
    assert bins.total().sum() == len(degree)
    assert bins.total().min() > 0
    assert bins.total(degree).sum() == sum(degree)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=80))
def test_bars_do_not_overlap(degree: list[int]) -> None:
    bars = Bins.of(degree).bars(1)
    left, right = bars["x"] - bars["width"] / 2, bars["x"] + bars["width"] / 2
    assert (left > 0).all()
    assert (right[:-1] < left[1:]).all()


def test_figure_counts_nodes(seen) -> None:
    figure = degrees([0, 0, 1, 2, 2, 2])
    drawn = seen(figure)
    assert drawn["data"][0]["y"] == [2, 1, 3]
    assert figure.layout.meta["table"]["rows"] == [["0", 2], ["1", 1], ["2", 3]]


def test_summary_tells_what_the_hubs_receive(seen) -> None:
    figure = degrees([1] * 99 + [99])
    seen(figure)
    assert figure.layout.meta["summary"] == (
        "100 nodes have in-degrees from 1 to 99, half of them at most 1; "
        "the top 1 % receives 50 % of the edges."
    )


@pytest.mark.parametrize("degree", [[], [0], [0, 0], [7, 7, 7]])
def test_odd_graphs_have_a_chart_too(seen, degree: list[int]) -> None:
    seen(degrees(np.array(degree, dtype=np.int64)))
