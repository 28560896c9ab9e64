"""Values over their grid: what is cut off, what becomes 0, and where the levels are."""

from __future__ import annotations

import numpy as np
import pytest

from engine.affine import QParams, dequantize, qparams, quantize
from engine.spec import QuantSpec
from explorer.figures.values import MOST_LINES, values

RNG = np.random.default_rng(0)


def test_handles_stand_at_the_ends_and_lines_at_the_levels(seen) -> None:
    params = qparams(-1.0, 2.0, QuantSpec(bits=3))
    x = RNG.normal(size=(50, 4))
    x[0] = 0
    figure = values(x, params)
    drawn = seen(figure)
    levels = dequantize(np.arange(-4, 4, dtype=np.int32), params)
    places = [shape["x0"] for shape in drawn["layout"]["shapes"]]
    assert sorted(places) == pytest.approx(levels)
    handles = [shape for shape in drawn["layout"]["shapes"] if shape["layer"] == "above"]
    assert [handle["x0"] for handle in handles] == pytest.approx(levels[[0, -1]])
    inside, cut = drawn["data"]
    half = float(params.scale) / 2
    beyond = (x < levels[0] - half) | (x > levels[-1] + half)
    assert sum(cut["y"]) == pytest.approx(beyond.mean())
    assert sum(inside["y"]) + sum(cut["y"]) == pytest.approx(196 / 200), "zeros are not drawn"
    rounded = dequantize(quantize(x, params), params)
    to_zero = ((rounded == 0) & (x != 0)).mean()
    said = figure.layout.meta["summary"]
    assert f"{100 * to_zero:.1f} % are rounded to 0, and 2.0 % are 0" in said
    assert f"SQNR {10 * np.log10((x**2).sum() / ((rounded - x) ** 2).sum()):.3g} dB" in said


def test_many_levels_are_one_band(seen) -> None:
    drawn = seen(values(RNG.normal(size=100), qparams(-1.0, 1.0, QuantSpec(bits=8))))
    assert [shape["type"] for shape in drawn["layout"]["shapes"]] == ["rect", "line", "line"]
    assert MOST_LINES < 256


def test_channels_are_drawn_in_their_own_steps(seen) -> None:
    spec = QuantSpec(bits=4, granularity="channel")
    x = RNG.normal(size=(40, 2)) * (1, 100)
    params = QParams(spec, np.float32([0.3, 30]), np.int32([0, 0]))
    drawn = seen(values(x, params))
    assert "steps of its channel" in drawn["layout"]["xaxis"]["title"]["text"]
    low, high = drawn["layout"]["xaxis"]["range"]
    assert low > -20
    assert high < 20


@pytest.mark.parametrize("x", [np.zeros((3, 2)), np.empty((0, 2))])
def test_nothing_to_draw_is_said(seen, x) -> None:
    assert seen(values(x, qparams(-1.0, 1.0, QuantSpec(bits=4))))["data"] == []
