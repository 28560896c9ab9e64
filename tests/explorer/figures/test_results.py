"""One run's numbers, and the pinned run's."""

from __future__ import annotations

import math
from typing import Any

import pytest

from explorer.figures.results import number_at, results

RUN: dict[str, Any] = {
    "accuracy": {"float": 0.814, "simulated": 0.792, "integer": 0.79},
    "size": {"model_bytes": 10_000, "float_model_bytes": 80_000, "buffer_bytes": 40_000},
    "latency": {"float_ms": 3.0, "integer_ms": 0.5},
}
PINNED: dict[str, Any] = {
    "accuracy": {"float": 0.814, "integer": 0.81},
    "size": {"model_bytes": 20_000, "float_model_bytes": 80_000, "buffer_bytes": 20_000},
}
HOSTILE = "<script>alert(1)</script>"


def _labels(drawn: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(note["yref"], note["y"]): note["text"] for note in drawn["layout"]["annotations"]}


def test_dots_are_in_the_units_of_their_axes(seen) -> None:
    accuracy, size, latency = seen(results(RUN))["data"]
    assert accuracy["x"] == pytest.approx([81.4, 79.2, 79.0])
    assert accuracy["y"] == ["float32", "simulated", "integer"]
    assert size["x"] == pytest.approx([80.0, 10.0, 40.0])
    assert latency["x"] == [3.0, 0.5]
    assert len(set(accuracy["marker"]["symbol"])) == 3


def test_changes_have_a_direction(seen) -> None:
    figure = results(RUN, pinned=PINNED, pinned_name="INT8")
    told = _labels(seen(figure))
    assert told["y", "integer"] == "<b>79.0 %</b>  −2.0 points"
    assert told["y", "float32"] == "<b>81.4 %</b>  +0.0 points"
    assert told["y", "simulated"] == "<b>79.2 %</b>", "the pinned run has none"
    assert told["y2", "model, packed"] == "<b>10 kB</b>  2× less"
    assert told["y2", "buffers"] == "<b>40 kB</b>  2× more"
    assert told["y2", "model, float32"] == "<b>80 kB</b>  the same"
    assert "8× less than in float32" in figure.layout.meta["summary"]
    assert "−2.0 points against INT8" in figure.layout.meta["summary"]


def test_pinned_is_drawn_where_it_is(seen) -> None:
    drawn = seen(results(RUN, pinned=PINNED, pinned_name="INT8"))
    pinned = [trace for trace in drawn["data"] if trace.get("name") == "INT8"]
    assert pinned[0]["x"] == pytest.approx([81.4, 81.0])
    assert [trace["showlegend"] for trace in pinned] == [True, False]


def test_errors_of_targets_are_in_their_unit(seen) -> None:
    run = {"mae": {"float": 1.2, "simulated": 1.31, "integer": 1.3}}
    figure = results(run, pinned={"mae": {"float": 1.2, "integer": 1.2}}, pinned_name="FP32")
    drawn = seen(figure)
    assert drawn["data"][-1]["x"] == [1.2, 1.31, 1.3]
    assert drawn["layout"]["xaxis"]["title"]["text"] == "Test mean absolute error"
    assert drawn["layout"]["xaxis"]["range"] == pytest.approx([1.178, 1.332])
    assert _labels(drawn)["y", "integer"] == "<b>1.3</b>  +0.1"
    assert figure.layout.meta["summary"] == (
        "Mean absolute error 1.2 float32, 1.31 simulated and 1.3 in integers. "
        "In integers +0.1 against FP32."
    )


def test_what_was_not_measured_is_left_out(seen) -> None:
    preview = {"accuracy": {"float": 0.8, "integer": math.nan}, "size": {"model_bytes": None}}
    figure = results(preview)
    drawn = seen(figure)
    assert [trace["y"] for trace in drawn["data"]] == [["float32"]]
    assert figure.layout.meta["table"]["rows"] == [["accuracy.float", "80.0 %"]]
    assert seen(results({}))["data"] == []


def test_zeros_have_a_chart_too(seen) -> None:
    zeros = {"accuracy": {"float": 0.0}, "size": {"model_bytes": 0}}
    drawn = seen(results(zeros, pinned=RUN))
    assert all(low < high for low, high in (
        drawn["layout"][axis]["range"] for axis in ("xaxis", "xaxis2")
    ))  # fmt: skip


def test_sizes_far_apart_are_drawn_on_a_logarithmic_axis(seen) -> None:
    sizes = {"model_bytes": 1_000, "float_model_bytes": 5_000, "buffer_bytes": 600_000}
    axis = seen(results({"size": sizes}))["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert axis["range"][0] < 0 < 2 < axis["range"][1]
    assert "type" not in seen(results(RUN))["layout"]["xaxis2"]


def test_names_are_text(seen) -> None:
    seen(results(RUN, pinned=PINNED, pinned_name=HOSTILE, subtitle=HOSTILE))


@pytest.mark.parametrize("path", ["accuracy", "accuracy.integer.more", "no.such", "flag"])
def test_number_at_finds_numbers_only(path: str) -> None:
    assert number_at({**RUN, "flag": True}, path) is None
    assert number_at(RUN, "accuracy.integer") == 0.79
