"""The roofline: how near each rival comes to what memory and arithmetic allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.bench.report import Report


def draw(reports: Sequence[Report]) -> str:
    """Return the roofline as a page of HTML that needs no network.

    Each rival and each profiled stage whose bytes are known is a point: multiply-adds over bytes
    moved to the right, multiply-adds a second upwards. The slope is what memory can feed; a point
    above it lives in a cache. The level line is torch's large float32 product, where it was run;
    instructions on 16-bit and 8-bit integers would do two and four times that.

    Args:
        reports: The reports; the machine is the first one's.
    """
    import plotly.graph_objects as go

    machine = reports[0].machine
    figure = go.Figure()
    for report in reports:
        named = dict(report.case)
        place = f"{report.kind}, {named.get('nodes', 0):,} nodes"
        figure.add_trace(_points(go, place, report.rows))
        for name, stages in report.stages.items():
            figure.add_trace(_points(go, f"stages of {name}", stages, symbol="circle-open"))
    known = [x for trace in figure.data for x in trace.x] or [1.0]
    reach = np.geomspace(min(known) / 2, max([*known, 100.0]) * 2, 50)
    slope = reach * machine.gb_per_s
    peak = machine.giga_float_per_s
    if peak is not None:
        roof = np.minimum(slope, 4 * peak)
        for times, name in ((1, "float32"), (2, "16-bit integers"), (4, "8-bit integers")):
            figure.add_hline(y=times * peak, line_dash="dot", annotation_text=name)
    else:
        roof = slope
    figure.add_trace(go.Scatter(x=reach, y=roof, mode="lines", name="memory"))
    figure.update_xaxes(type="log", title="multiply-adds a byte moved")
    figure.update_yaxes(type="log", title="10^9 multiply-adds a second")
    figure.update_layout(title=str(machine).replace("\n", "<br>"), template="plotly_white")
    page: str = figure.to_html(include_plotlyjs=True)
    return page


def _points(go: Any, name: str, rows: Sequence[Any], symbol: str = "circle") -> Any:
    known = [row for row in rows if row["bytes_moved"]]
    return go.Scatter(
        x=[row["operations"] / row["bytes_moved"] for row in known],
        y=[row["giga_operations_per_s"] for row in known],
        text=[row["name"] for row in known],
        mode="markers+text",
        textposition="top center",
        marker_symbol=symbol,
        name=name,
    )
