"""Smoothness against depth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.metrics.pairs import pairs
from engine.metrics.smoothness import smoothness
from explorer.figures.depth import METRICS, depth


def _measured(values: list[float | None], metric: str = "mad_gap") -> list[dict[str, object]]:
    return [{metric: value, "sampled": []} for value in values]


def test_metrics_are_those_of_the_engine(seen) -> None:
    path = np.array([[0, 1, 2], [1, 2, 3]])
    measured = smoothness(np.eye(4, dtype=np.float32), pairs(path, 4)).to_dict()
    assert METRICS.keys() <= measured.keys()
    assert seen(depth({"float": [measured]}, metrics=tuple(METRICS)))["data"]


def test_titles_tell_metrics_apart() -> None:
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_lines_are_the_values_and_the_summary_their_ends(seen) -> None:
    figure = depth(
        {"float": _measured([0.9, 0.5, 0.2]), "integer": _measured([0.9, 0.4, None])},
        metrics=["mad_gap"],
    )
    exact, integer = seen(figure)["data"]
    assert exact["x"] == [0, 1, 2]
    assert exact["y"] == [0.9, 0.5, 0.2]
    assert integer["y"][:2] == [0.9, 0.4]
    assert math.isnan(integer["y"][2])
    assert exact["line"]["dash"] != integer["line"]["dash"]
    assert "0.9 at depth 0 to 0.2 at depth 2 in float" in figure.layout.meta["summary"]
    assert "0.9 at depth 0 to 0.4 at depth 1 in integer" in figure.layout.meta["summary"]
    assert figure.layout.meta["table"]["rows"][2] == [2, 0.2, None]


@pytest.mark.parametrize("count", [1, 2, 3, 4, len(METRICS)])
def test_small_charts_do_not_overlap(seen, count: int) -> None:
    metrics = list(METRICS)[:count]
    of_depth = [dict.fromkeys(METRICS, 0.5), dict.fromkeys(METRICS, 0.4)]
    drawn = seen(depth({"float": of_depth}, metrics=metrics))
    layout = drawn["layout"]
    assert len(drawn["data"]) == count
    assert sum(trace["showlegend"] for trace in drawn["data"]) == 1
    boxes = [
        (*layout[trace["xaxis"].replace("x", "xaxis")]["domain"],
         *layout[trace["yaxis"].replace("y", "yaxis")]["domain"])
        for trace in drawn["data"]
    ]  # fmt: skip
    assert len(set(boxes)) == count
    for place, (left, right, bottom, top) in enumerate(boxes):
        assert -1e-9 <= left < right <= 1 + 1e-9
        assert -1e-9 <= bottom < top <= 1 + 1e-9
        for other in boxes[:place]:
            apart = other[1] < left or right < other[0] or other[3] < bottom or top < other[2]
            assert apart


def test_many_decades_are_drawn_on_a_logarithmic_axis(seen) -> None:
    falling = _measured([10.0**-d for d in range(65)])
    drawn = seen(depth({"float": falling}, metrics=["mad_gap"]))
    assert drawn["layout"]["yaxis"]["type"] == "log"
    assert drawn["data"][0]["mode"] == "lines", "64 points would hide the line"
    crossing = _measured([1.0, 1e-9, -0.1])
    assert "type" not in seen(depth({"float": crossing}, metrics=["mad_gap"]))["layout"]["yaxis"]


def test_samples_are_named(seen) -> None:
    figure = depth({"float": [{"smv": 0.1, "sampled": ["smv"]}]}, metrics=["smv"])
    seen(figure)
    assert "sample of pairs: SMV (half distance)." in figure.layout.meta["summary"]


@pytest.mark.parametrize("layers", [{}, {"float": []}, {"float": _measured([None, math.inf])}])
def test_undefined_measures_have_a_chart_too(seen, layers: dict[str, list[object]]) -> None:
    seen(depth(layers))
