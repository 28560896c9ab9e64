"""One number of an aggregation: what each message adds, in integers and in float."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from engine.analysis import Arithmetic
from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, sentence, short, table
from explorer.figures.theme import BLUE, FAINT, FLOAT, GREY, VERMILLION

TITLE = "What each message adds"
MOST_BARS = 24
"""Messages drawn one by one, those that add most; all others share a bar."""


def arithmetic(one: Arithmetic, *, subtitle: str = "") -> go.Figure:
    """Return a bar for each message and their total, in integers, a mark beside it for float.

    A bar's customdata is the node that sends.

    Args:
        one: The number.
        subtitle: Which node, layer and feature it is of.
    """
    sent = one.messages
    if not sent.source.size and not one.own:
        return blank(TITLE, "This node gathers nothing: its sum is 0.", subtitle=subtitle)
    added = sent.product * (one.multiplier * one.real_per_unit)
    order = np.argsort(-np.abs(added), kind="stable")
    drawn, rest = order[:MOST_BARS], order[MOST_BARS:]
    names = [str(sent.source[at]) for at in drawn]
    integer, exact = added[drawn].tolist(), sent.exact[drawn].tolist()
    keys: list[Any] = sent.source[drawn].tolist()
    if rest.size:
        names.append(f"{rest.size} others")
        integer.append(float(added[rest].sum()))
        exact.append(float(sent.exact[rest].sum()))
        keys.append(None)
    for own in one.own:
        names.append(f"own {own.slot[1]}")
        integer.append(own.product * one.real_per_unit)
        exact.append(own.exact)
        keys.append(one.node)
    places = list(range(len(names)))
    names.append("<b>result</b>")
    end = len(places) + 0.5
    traces: list[Trace] = [
        _bars(places, integer, keys, names[:-1], BLUE, "in integers"),
        _bars([end], [one.value], [one.node], names[-1:], VERMILLION, "the code that leaves"),
        {
            "type": "scatter",
            "mode": "markers",
            "x": [*places, end],
            "y": [*exact, one.exact],
            "marker": {**FLOAT.marker(8), "line": {"color": GREY, "width": 1}},
            "name": "in float",
            "text": [
                f"{_sender(name)}<br>in float {short(value)}"
                for name, value in zip(names, [*exact, one.exact], strict=True)
            ],
            "hoverinfo": "text",
        },
    ]
    worst = int(np.argmax(np.abs(np.array(integer) - exact)))
    many = len(names) > 13
    return chart(
        TITLE,
        traces,
        summary=sentence(
            f"{sent.source.size:,} messages: integers end at {short(one.value)}, float at "
            f"{short(one.exact)}; they differ most at {_sender(names[worst])}, "
            f"{short(integer[worst])} against {short(exact[worst])}"
        ),
        table=table(
            ["Sender", "Code", "Code − zero", "× weight", "Adds to the sum", "Stands for", "Float"],
            [
                [
                    sent.source[at],
                    sent.code[at],
                    sent.code[at] - sent.zero,
                    sent.weight[at],
                    sent.product[at],
                    added[at],
                    sent.exact[at],
                ]
                for at in order
            ],
            sent.source[order].tolist(),
        ),
        subtitle=subtitle,
        line=HALF_PAGE,
        xaxis={
            "tickvals": [*places, end],
            "ticktext": names,
            "tickangle": -60 if many else None,
            "title": {"text": "Sender"},
        },
        yaxis={"title": {"text": "Adds"}, "zeroline": True, "zerolinecolor": FAINT},
        barmode="overlay",
    )


def _bars(
    places: list[Any], height: list[float], keys: list[Any], names: list[str], color: str, name: str
) -> Trace:
    return {
        "type": "bar",
        "x": places,
        "y": height,
        "width": 0.75,
        "customdata": keys,
        "marker": {"color": color},
        "name": name,
        "hovertext": [
            f"{_sender(label)}<br>{name} {short(value)}"
            for label, value in zip(names, height, strict=True)
        ],
        "hoverinfo": "text",
    }


def _sender(name: str) -> str:
    return f"node {name}" if name.isdecimal() else name
