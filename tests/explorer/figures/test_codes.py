"""The histogram of codes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.affine import qparams
from engine.spec import QuantSpec
from explorer.figures.codes import codes


def test_shares_zero_and_ends(seen) -> None:
    params = qparams(-2.0, 1.0, QuantSpec(bits=2))
    assert params.zero == 0
    figure = codes([[-2, -2, -1], [0, 0, 1]], params)
    inside, zero, ends = seen(figure)["data"]
    assert inside["y"] == pytest.approx([0, 1 / 6, 0, 0])
    assert (zero["x"], zero["y"]) == ([0], pytest.approx([2 / 6]))
    assert (ends["x"], ends["y"]) == ([-2, 1], pytest.approx([2 / 6, 1 / 6]))
    assert (
        "33.3 % of the entries are exactly 0 and 50.0 % are at an end"
        in (figure.layout.meta["summary"])
    )
    assert ends["hovertext"][0] == "code −2 = −2: 33.3 %"


def test_zero_is_no_end_after_a_relu(seen) -> None:
    params = qparams(0.0, 3.0, QuantSpec(bits=2, signed=False))
    _, zero, ends = seen(codes([0, 0, 0, 3], params))["data"]
    assert zero["y"] == [0.75]
    assert (ends["x"], ends["y"]) == ([3], [0.25])


@given(st.sampled_from((2, 4, 7, 8, 16)), st.lists(st.integers(-32768, 32767), min_size=1))
def test_shares_add_up_at_every_width(bits: int, drawn: list[int]) -> None:
    spec = QuantSpec(bits=bits)
    figure = codes(np.clip(drawn, spec.qmin, spec.qmax), qparams(-1.0, 1.0, spec))
    assert sum(trace.y.sum() for trace in figure.data) == pytest.approx(1)
    assert max(len(trace.y) for trace in figure.data) <= 256


def test_channels_have_no_one_real_number(seen) -> None:
    spec = QuantSpec(bits=4, granularity="channel")
    figure = codes([[1, -8]], qparams(np.full(2, -1.0), np.full(2, 1.0), spec))
    assert seen(figure)["data"][2]["hovertext"][0] == "code −8: 50.0 %"


def test_no_codes(seen) -> None:
    assert seen(codes([], qparams(-1.0, 1.0, QuantSpec(bits=4))))["data"] == []


@pytest.mark.parametrize("drawn", [[-1, 1, 1, 1], [-1, -1]])
def test_signs_are_neither_ends_nor_zero(seen, drawn: list[int]) -> None:
    inside, *others = seen(codes(drawn, qparams(-1.0, 1.0, QuantSpec(bits=1))))["data"]
    assert inside["y"] == [drawn.count(-1) / len(drawn), drawn.count(1) / len(drawn)]
    assert not any(sum(trace["y"]) for trace in others)


def test_ternary_codes_are_three(seen) -> None:
    figure = codes([-1, 0, 0, 1], qparams(-1.0, 1.0, QuantSpec(bits=2, ternary=True)))
    _, zero, ends = seen(figure)["data"]
    assert (zero["y"], ends["y"]) == ([0.5], [0.25, 0.25])
