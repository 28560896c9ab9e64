"""Training as it goes: loss and accuracy against the epoch, drawn again with each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from explorer.captions import percent
from explorer.figures.chart import Trace, blank, chart, sentence, short, table, text
from explorer.figures.theme import BLUE, GREY, SELECTED, VERMILLION

TITLE = "Training"
MOST_POINTS = 1500
"""Of more epochs every second, third, … is drawn."""
COLUMNS = ("epoch", "loss", "train", "validation")
ACCURACY = {"range": [0, 1.03], "tickformat": ".0%", "title": {"text": "Accuracy"}}


def curves(
    epochs: Sequence[Mapping[str, Any]],
    *,
    planned: int = 0,
    status: str = "running",
    note: str = "",
    subtitle: str = "",
) -> go.Figure:
    """Return loss and accuracy against the epoch, the best epoch by validation marked.

    Args:
        epochs: The records so far: ``epoch``, ``loss``, ``train`` and ``validation`` (accuracy,
            0 to 1); a number may be None or nan.
        planned: Epochs the run will take, so that the axis stands still; 0 where unknown.
        status: As a run's: ``running``, ``finished``, ``cancelled``, ``diverged``, ….
        note: The sentence a run that did not finish ended with.
        subtitle: Which run this is.
    """
    if not epochs:
        return blank(TITLE, note or "No epoch is done yet.", subtitle=subtitle)
    every = np.stack([_column(epochs, name) for name in COLUMNS])
    step = math.ceil(len(epochs) / MOST_POINTS)
    epoch, loss, train, validation = every[:, (len(epochs) - 1) % step :: step]
    lines = [
        _line(epoch, loss, "training loss", GREY, "solid", "y"),
        _line(epoch, train, "training accuracy", VERMILLION, "dash", "y2"),
        _line(epoch, validation, "validation accuracy", BLUE, "solid", "y2"),
    ]
    best = _best(every)
    if best is not None:
        lines.append(_star(*best))
    annotations = []
    if status not in ("running", "finished"):
        annotations.append(_notice(status, int(epoch[-1])))
    return chart(
        TITLE,
        lines,
        summary=_summary(int(epoch[-1]), float(loss[-1]), best, planned, status, note),
        table=table(
            ["Epoch", "Loss", "Training accuracy", "Validation accuracy"],
            np.stack([epoch, loss, train, validation], axis=1).tolist(),
        ),
        subtitle=subtitle,
        hovermode="x unified",
        annotations=annotations,
        xaxis={
            "title": {"text": "Epoch"},
            "range": [0, max(planned, int(epoch[-1])) * 1.01 + 0.5],
            "anchor": "y2",
        },
        yaxis={"domain": [0.56, 1], "title": {"text": "Loss"}, "rangemode": "tozero"},
        yaxis2={"domain": [0, 0.46], **ACCURACY},
    )


def _column(epochs: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    values = (record.get(name) for record in epochs)
    column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _best(every: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the epoch of the highest validation accuracy, the earliest of equals, and it."""
    epoch, _, _, validation = every
    if np.isnan(validation).all():
        return None
    best = np.nanargmax(validation)
    return float(epoch[best]), float(validation[best])


def _line(
    epoch: NDArray[np.float64],
    values: NDArray[np.float64],
    name: str,
    color: str,
    dash: str,
    axis: str,
) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines" if epoch.size > 1 else "markers",
        "x": epoch,
        "y": values.astype(np.float32),
        "yaxis": axis,
        "xaxis": "x",
        "line": {"color": color, "dash": dash, "width": 2},
        "marker": {"color": color},
        "name": name,
        "hovertemplate": "%{y:.3f}" if axis == "y" else "%{y:.1%}",
    }


def _star(epoch: float, value: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [epoch],
        "y": [value],
        "yaxis": "y2",
        "marker": {"symbol": "star", "size": 13, "color": SELECTED.color},
        "name": "best validation, kept",
        "hovertemplate": "epoch %{x}: %{y:.1%}",
    }


def _notice(status: str, epoch: int) -> dict[str, Any]:
    return {
        "text": f"<b>{text(status)} at epoch {epoch}</b>",
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 1,
        "xanchor": "right",
        "yanchor": "top",
        "showarrow": False,
        "font": {"color": VERMILLION},
    }


def _summary(
    epoch: int,
    loss: float,
    best: tuple[float, float] | None,
    planned: int,
    status: str,
    note: str,
) -> str:
    of = f" of {planned}" if planned else ""
    said = f"epoch {epoch}{of}, {'still running' if status == 'running' else status}"
    if math.isfinite(loss):
        said += f": loss {short(loss)}"
    if best is not None:
        at, accuracy = best
        said += f"; best validation accuracy {percent(accuracy)} at epoch {at:.0f}"
    return f"{sentence(said)} {note}".strip()
