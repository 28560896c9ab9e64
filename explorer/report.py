"""One HTML file that says what is shown, opens offline, and leads back to the very recipe."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from engine.spec import dumps
from explorer.captions import recipe_title
from explorer.links import pack
from explorer.panels.recipe import python_for
from explorer.panels.summary import cards
from explorer.plot import figure_json
from explorer.shown import MEANING, Shown

HEIGHT_PX = 430
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #767676; }
@media (prefers-color-scheme: dark) { :root { --soft: #9b9b9b; } body { background: #161616; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 960px; margin: 32px auto; padding: 0 16px; }
h1 { font-size: 24px; margin-bottom: 0; } h2 { font-size: 18px; margin-top: 40px; }
.note, .gb-card-title, .gb-card-note { color: var(--soft); font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 8px; }
.gb-card { border: 1px solid var(--line); border-radius: 6px; padding: 6px 10px; }
.gb-card-value { font-size: 20px; font-weight: 600; }
figure { margin: 24px 0; } pre { overflow: auto; border: 1px solid var(--line); padding: 12px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
td, th { border-bottom: 1px solid var(--line); padding: 2px 12px 2px 0; text-align: left; }
details div { max-height: 360px; overflow: auto; }
"""


def report(shown: Shown, figures: Sequence[go.Figure]) -> str:
    """Return a report as HTML: numbers, charts with their words and tables, the recipe.

    Args:
        shown: What is shown.
        figures: Charts of it, each from `explorer.figures.chart.chart`.
    """
    title = recipe_title(shown.recipe)
    drawn = "".join(_figure(number, figure) for number, figure in enumerate(figures))
    data = [figure_json(figure) for figure in figures]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{escape(title)} · graphbits</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="note">{escape(MEANING[shown.origin])}</p>
<div class="cards">{cards(shown)}</div>
{drawn}
<h2>The recipe</h2>
<p>Opens this very state: <code>Explorer("{escape(pack(shown.recipe))}")</code></p>
<pre>{escape(python_for(shown.recipe))}</pre>
<details><summary>As JSON</summary><pre>{escape(dumps(shown.recipe))}</pre></details>
<script>{get_plotlyjs()}</script>
<script>
const figures = {_script(data)};
const color = getComputedStyle(document.body).color;
figures.forEach(({{ data, layout }}, number) =>
  Plotly.newPlot(`chart${{number}}`, data, {{
    ...layout, font: {{ ...layout.font, color }}, height: {HEIGHT_PX}, autosize: true,
  }}, {{ responsive: true, displaylogo: false }}));
</script>
</body>
</html>
"""


def _figure(number: int, figure: go.Figure) -> str:
    meta = figure.layout.meta
    summary, table = escape(meta["summary"]), _table(meta["table"])
    return (
        f'<figure><div id="chart{number}" role="group" aria-label="{summary}"></div>'
        f"<figcaption>{summary}</figcaption>{table}</figure>"
    )


def _table(content: dict[str, Any]) -> str:
    if not content:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in content["columns"])
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(_cell(cell))}</td>" for cell in row) + "</tr>"
        for row in content["rows"]
    )
    return (
        "<details><summary>Numbers behind this chart</summary><div><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _script(data: Any) -> str:
    """Return JSON data that may stand in a script: no tag can begin in it."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")
