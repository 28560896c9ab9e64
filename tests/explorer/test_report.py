"""The report: whole, offline, and safe whatever names it holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from engine.spec import GraphSpec, RunSpec, loads
from explorer.figures.chart import chart, table
from explorer.links import unpack
from explorer.report import report
from explorer.shown import Shown

FIGURE = chart(
    "One",
    [{"type": "scatter", "x": [1, 2], "y": [3, 4], "name": "a"}],
    summary="It rises.",
    table=table(["x", "y"], [[1, 3.123456], [2, float("nan")]]),
)


def test_it_holds_the_charts_their_words_their_numbers_and_the_recipe(shown) -> None:
    html = report(shown, [FIGURE, FIGURE])
    assert html.count("<figcaption>It rises.</figcaption>") == 2
    assert "<td>3.123</td>" in html
    assert "<td>–</td>" in html
    link = re.search(r"Explorer\(&quot;(\S+)&quot;\)|Explorer\(\"(\S+)\"\)", html)
    assert unpack(link[1] or link[2]) == shown.recipe
    held = re.search(r"<summary>As JSON</summary><pre>(.*?)</pre>", html, re.DOTALL)[1]
    assert loads(RunSpec, held.replace("&quot;", '"')) == shown.recipe
    figures = json.loads(re.search(r"const figures = (.*);", html)[1])
    assert [figure["data"][0]["name"] for figure in figures] == ["a", "a"]


def test_it_asks_nothing_of_any_host(shown) -> None:
    html = report(shown, [FIGURE])
    page = html.replace(re.search(r"<script>.*?</script>", html, re.DOTALL)[0], "")
    assert not re.search(r"(src|href)=|@import|url\(", page)


@pytest.mark.parametrize("name", ["</script><script>alert(1)</script>", '"><img src=x>'])
def test_names_stay_text(shown, name: str) -> None:
    recipe = replace(shown.recipe, graph=GraphSpec(name=name))
    hostile = Shown(
        origin="preview",
        recipe=recipe,
        graph=shown.graph,
        analysis=shown.analysis,
        run=None,
        baseline=None,
    )
    figure = chart(name, [], summary=name, table=table([name], [[name]]))
    html = report(hostile, [figure])
    assert name not in html
    assert html.count("</script>") == report(shown, [FIGURE]).count("</script>")
