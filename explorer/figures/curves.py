"""Training as it goes: loss and result against the epoch, drawn again with each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from engine.metrics.merit import ACCURACY, Merit
from explorer.captions import told
from explorer.figures.chart import Trace, blank, chart, sentence, short, table, text
from explorer.figures.theme import BLUE, GREY, SELECTED, VERMILLION

TITLE = "Training"
MOST_POINTS = 1500
"""Of more epochs every second, third, … is drawn."""
COLUMNS = ("epoch", "loss", "train", "validation")
SHARES = {"range": [0, 1.03], "tickformat": ".0%"}


def curves(
    epochs: Sequence[Mapping[str, Any]],
    *,
    merit: Merit = ACCURACY,
    planned: int = 0,
    status: str = "running",
    note: str = "",
    subtitle: str = "",
) -> go.Figure:
    """Return loss and result against the epoch, the best epoch by validation marked.

    Args:
        epochs: The records so far: ``epoch``, ``loss``, and ``train`` and ``validation``, what the
            merit says of both; a number may be None or nan.
        merit: What it is judged by.
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
        _line(epoch, train, f"training {merit.title}", VERMILLION, "dash", "y2", merit),
        _line(epoch, validation, f"validation {merit.title}", BLUE, "solid", "y2", merit),
    ]
    best = _best(every, merit)
    if best is not None:
        lines.append(_star(*best, merit))
    annotations = []
    if status not in ("running", "finished"):
        annotations.append(_notice(status, int(epoch[-1])))
    return chart(
        TITLE,
        lines,
        summary=_summary(int(epoch[-1]), float(loss[-1]), best, planned, status, note, merit),
        table=table(
            ["Epoch", "Loss", f"Training {merit.title}", f"Validation {merit.title}"],
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
        yaxis2={
            "domain": [0, 0.46],
            "title": {"text": merit.title.capitalize()},
            **(SHARES if merit.is_share else {"rangemode": "tozero"}),
        },
    )


def _column(epochs: Sequence[Mapping[str, Any]], name: str) -> NDArray[np.float64]:
    values = (record.get(name) for record in epochs)
    column = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.where(np.isfinite(column), column, np.nan)


def _best(every: NDArray[np.float64], merit: Merit) -> tuple[float, float] | None:
    """Return the epoch of the best validation result, the earliest of equals, and it."""
    epoch, _, _, validation = every
    if np.isnan(validation).all():
        return None
    best = np.nanargmax(validation if merit.more_is_better else -validation)
    return float(epoch[best]), float(validation[best])


def _line(
    epoch: NDArray[np.float64],
    values: NDArray[np.float64],
    name: str,
    color: str,
    dash: str,
    axis: str,
    merit: Merit = ACCURACY,
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
        "hovertemplate": "%{y:.1%}" if axis == "y2" and merit.is_share else "%{y:.3f}",
    }


def _star(epoch: float, value: float, merit: Merit) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [epoch],
        "y": [value],
        "yaxis": "y2",
        "marker": {"symbol": "star", "size": 13, "color": SELECTED.color},
        "name": "best validation, kept",
        "hovertemplate": f"epoch %{{x}}: %{{y:{'.1%' if merit.is_share else '.3f'}}}",
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
    merit: Merit,
) -> str:
    of = f" of {planned}" if planned else ""
    said = f"epoch {epoch}{of}, {'still running' if status == 'running' else status}"
    if math.isfinite(loss):
        said += f": loss {short(loss)}"
    if best is not None:
        at, value = best
        said += f"; best validation {merit.title} {told(merit, value)} at epoch {at:.0f}"
    return f"{sentence(said)} {note}".strip()
