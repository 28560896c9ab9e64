"""What every chart is: a Plotly figure that carries its summary and the numbers behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures.theme import TEMPLATE

DOT = " · "
FULL_PAGE, HALF_PAGE = 100, 56
"""Characters of a subtitle that fit charts of 700 and of 380 pixels."""

Trace = dict[str, Any]
Cell = str | int | float | bool | None


def chart(
    title: str,
    traces: Sequence[Trace],
    *,
    summary: str,
    table: dict[str, Any],
    subtitle: str = "",
    line: int = FULL_PAGE,
    headed: bool = False,
    right: int = 20,
    **layout: Any,
) -> go.Figure:
    """Return a figure whose ``layout.meta`` holds its ``summary`` and its ``table``.

    Args:
        title: Says what is drawn; escaped here, as is the subtitle.
        traces: Plotly traces; names of people's graphs and runs in them escaped by `text`.
        summary: What the chart says, a sentence or two, plain text.
        table: From `table`.
        subtitle: Which run, layer or component it is of.
        line: Characters of the subtitle after which it is broken, at a middle dot.
        headed: Whether small charts in it have headings of their own, which need room.
        right: Margin at the right, in pixels.
        layout: The rest of Plotly's layout.
    """
    lines = [
        f"<span style='font-size: 12px'>{text(line)}</span>" for line in broken(subtitle, line)
    ]
    heading = "<br>".join((f"<b>{text(title)}</b>", *lines))
    below = 18 * (len(lines) + headed)
    return go.Figure(
        data=list(traces),
        layout={
            "template": TEMPLATE,
            "title": {"text": heading, "pad": {"b": 12 + below}},
            "uirevision": f"{title} {subtitle}",
            "margin": {"t": 38 + below, "r": right},
            "meta": {"summary": summary, "table": table},
            **layout,
        },
    )


def blank(title: str, sentence: str, *, subtitle: str = "") -> go.Figure:
    """Return a chart of nothing, with a sentence that says why."""
    note = {"text": text(sentence), "showarrow": False, "font": {"size": 14}}
    return chart(
        title,
        [],
        summary=sentence,
        table={},
        subtitle=subtitle,
        xaxis={"visible": False},
        yaxis={"visible": False},
        annotations=[{**note, "x": 0.5, "y": 0.5, "xref": "paper", "yref": "paper"}],
    )


def table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], keys: Sequence[Any] | None = None
) -> dict[str, Any]:
    """Return the numbers behind a chart as JSON data, nan and inf as null.

    Args:
        columns: Headings, [C].
        rows: Cells, [R][C].
        keys: What a click on each row tells, as ``customdata`` does for a point, [R].
    """
    content: dict[str, Any] = {
        "columns": list(columns),
        "rows": [[cell(value) for value in row] for row in rows],
    }
    if keys is not None:
        content["keys"] = [cell(key) for key in keys]
    return content


def cell(value: Any) -> Cell:
    """Return a NumPy or Python scalar as JSON data, nan and inf as null."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def broken(words: str, line: int) -> list[str]:
    """Return words in lines of at most so many characters, broken at their middle dots."""
    lines: list[str] = []
    for part in words.split(DOT) if words else []:
        if lines and len(lines[-1] + DOT + part) <= line:
            lines[-1] += DOT + part
        else:
            lines.append(part)
    return lines


def text(plain: str) -> str:
    """Return plain text as Plotly, which reads some HTML, shows it unchanged."""
    return escape(plain, quote=False)


def short(value: float) -> str:
    """Return a number with three digits, as sentences and labels show it."""
    return f"{value:.3g}".replace("-", "−")


def sentence(words: str) -> str:
    """Return words as a sentence: a capital first, a full stop last."""
    return f"{words[:1].upper()}{words[1:]}."


def joined(parts: Sequence[str]) -> str:
    """Return parts as one enumeration: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
