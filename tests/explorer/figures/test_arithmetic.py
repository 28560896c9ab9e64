"""What each message adds: the bars are the integers', the marks the float forward's."""

from __future__ import annotations

import numpy as np
import pytest

from engine.analysis import arithmetic as told
from explorer.figures.arithmetic import MOST_BARS, arithmetic


def test_bars_add_up_to_the_result(seen, shown) -> None:
    degree = shown.measured.in_degree
    few = int(np.flatnonzero(degree == 6)[0])
    one = told(shown.analysis, (0, "aggregate"), few, 2)
    figure = arithmetic(one)
    bars, result, exact = seen(figure)["data"]
    assert sum(bars["y"]) == pytest.approx(one.scaled * float(one.params.scale))
    assert result["y"] == pytest.approx([one.value])
    assert sum(exact["y"][:-1]) == pytest.approx(exact["y"][-1], rel=1e-4)
    assert exact["y"][-1] == pytest.approx(one.exact)
    assert set(bars["customdata"]) == set(one.messages.source.tolist())
    rows = figure.layout.meta["table"]["rows"]
    assert len(rows) == 7, "its own message too"
    assert sum(row[4] for row in rows) == one.sum


def test_of_many_messages_those_that_add_little_share_a_bar(seen, shown) -> None:
    hub = int(shown.measured.in_degree.argmax())
    one = told(shown.analysis, (1, "aggregate"), hub, 0)
    bars, *_ = seen(arithmetic(one))["data"]
    assert len(bars["y"]) == MOST_BARS + 1
    assert sum(bars["y"]) == pytest.approx(one.scaled * float(one.params.scale))
