"""Which widths the answers of searches have, and whether that is W4A8."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explorer.figures.widths_found import Found, bits_of, widths_found

FOUND = Found(name="a", graph="Cora", bits={"input": [2, 4], "weight": [4, 4], "output": [8]})


def test_shares_are_counted_over_answers_and_layers(seen) -> None:
    other = replace(FOUND, name="b", bits={"input": [4, 4], "weight": [4, 8]})
    drawn = seen(widths_found([FOUND, other]))
    two, four, eight = drawn["data"]
    assert two["y"] == ["input", "weight", "output"]
    assert two["x"] == [25, 0, 0]
    assert four["x"] == [75, 75, 0]
    assert eight["x"] == [0, 25, 100]
    labels = [at["text"] for at in drawn["layout"]["annotations"]]
    assert labels == ["3.5 ± 0.7 bits", "5.0 ± 1.4 bits", "8.0 ± 0.0 bits"]


@pytest.mark.parametrize(
    ("weight", "message", "said"),
    [
        ((4, 4, 4), (8, 8, 8), "Weights have fewer, by 4.0 ± 0.0 bits, as in W4A8."),
        ((8, 8, 8), (4, 4, 4), "Weights have more, by 4.0 ± 0.0 bits: W4A8 goes the other way."),
        ((4, 8, 4), (8, 4, 8), "They differ by 1.3 ± 4.6 bits, not clearly either way"),
        ((4,), (4,), "They differ by 0.0 ± 0.0 bits, not clearly either way"),
    ],
)
def test_it_is_said_whether_weights_have_fewer(weight, message, said: str) -> None:
    answers = [
        Found(name=str(at), graph="Cora", bits={"weight": [w], "message": [m]})
        for at, (w, m) in enumerate(zip(weight, message, strict=True))
    ]
    assert said in widths_found(answers).layout.meta["summary"]


def test_no_answers_have_a_chart_too(seen) -> None:
    assert seen(widths_found([]))["data"] == []


def test_widths_are_gathered_by_component() -> None:
    chosen = {"operator": "gcn", "hidden": 16, "0.weight": 4, "1.weight": 2, "10.output": 8}
    assert bits_of(chosen) == {"weight": [4, 2], "output": [8]}
