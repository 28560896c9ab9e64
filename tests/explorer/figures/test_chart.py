"""The parts of every figure: escaping, tables, sentences."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from explorer.figures.chart import blank, broken, cell, chart, joined, sentence, short, table, text


def test_text_is_shown_as_typed() -> None:
    assert text("<b>a</b> & b") == "&lt;b&gt;a&lt;/b&gt; &amp; b"


def test_table_is_json_with_null_for_what_is_not_finite() -> None:
    content = table(
        ["a", "b"], [[np.float32(0.5), math.nan], [np.int64(2), -math.inf]], np.array([7, 8])
    )
    assert content == {"columns": ["a", "b"], "rows": [[0.5, None], [2, None]], "keys": [7, 8]}
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "told"), [(np.bool_(True), True), (np.str_("a"), "a"), (None, None), (math.inf, None)]
)
def test_cell(value: object, told: object) -> None:
    assert cell(value) is told or cell(value) == told


@pytest.mark.parametrize(
    ("parts", "told"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_joined(parts: list[str], told: str) -> None:
    assert joined(parts) == told


def test_sentence_and_short() -> None:
    assert sentence("four of ten") == "Four of ten."
    assert short(0.012345) == "0.0123"
    assert short(-2.0) == "−2"


def test_chart_carries_its_summary_and_its_table(seen) -> None:
    figure = chart("A <title>", [], summary="Nothing.", table=table(["a"], [[1]]), subtitle="b & c")
    assert figure.layout.meta == {
        "summary": "Nothing.",
        "table": {"columns": ["a"], "rows": [[1]]},
    }
    assert seen(figure)["layout"]["title"]["text"] == (
        "<b>A &lt;title&gt;</b><br><span style='font-size: 12px'>b &amp; c</span>"
    )


def test_margin_makes_room_for_what_stands_above() -> None:
    tops = [
        chart("t", [], summary="s.", table={}, subtitle=subtitle, headed=headed).layout.margin.t
        for subtitle, headed in (("", False), ("s", False), ("s", True))
    ]
    assert tops == sorted(set(tops))


def test_long_subtitles_are_broken_at_dots() -> None:
    parts = ["preview", "Degree-Quant 4", "digits-knn", "2 hops around node 886", "GCN 2×16"]
    lines = broken(" · ".join(parts), 40)
    assert lines == ["preview · Degree-Quant 4 · digits-knn", "2 hops around node 886 · GCN 2×16"]
    assert broken("", 40) == []
    assert broken("x" * 99, 40) == ["x" * 99]


def test_blank_says_why(seen) -> None:
    drawn = seen(blank("Depth", "No <layer> yet."))
    assert drawn["layout"]["annotations"][0]["text"] == "No &lt;layer&gt; yet."
    assert drawn["data"] == []
