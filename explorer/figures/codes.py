"""How one tensor uses its codes: which are taken, how often, and what piles up at the ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from engine.affine import QParams
from explorer.captions import percent
from explorer.figures.chart import Trace, blank, chart, sentence, short, table
from explorer.figures.theme import BLUE, GREY, VERMILLION

TITLE = "Codes in use"
MOST_BARS = 256


def codes(codes: ArrayLike, params: QParams, *, subtitle: str = "") -> go.Figure:
    """Return the histogram of a tensor's codes over all the codes it could use.

    Args:
        codes: Integers from ``params.spec.qmin`` to ``qmax``, any shape.
        params: Their scale and zero point.
        subtitle: Which layer and component this is.
    """
    spec = params.spec
    taken = np.asarray(codes, dtype=np.int64).ravel()
    if not taken.size:
        return blank(TITLE, "There are no codes.", subtitle=subtitle)
    stored = (taken - spec.qmin) // spec.stride
    share = np.bincount(stored, minlength=spec.last + 1) / taken.size
    code = np.arange(spec.qmin, spec.qmax + 1, spec.stride)
    zero = np.isin(code, params.zero)
    end = np.isin(code, (spec.qmin, spec.qmax)) & ~zero & (not params.is_sign)
    width = max(code.size // MOST_BARS, 1)
    inside = np.where(zero | end, 0, share).reshape(-1, width).sum(axis=1)
    traces = [
        _bars(code[::width] + (width - 1) / 2, inside, width, "inside the range", BLUE, params),
        _bars(code[zero], share[zero], width, "exactly 0", GREY, params),
        _bars(code[end], share[end], width, "at an end of the range", VERMILLION, params),
    ]
    used = np.flatnonzero(share)
    return chart(
        TITLE,
        traces,
        summary=_summary(share, zero, end),
        table=table(
            ["Code", "Share of entries"],
            [] if width > 1 else [[int(code[place]), share[place]] for place in used],
        ),
        subtitle=subtitle,
        barmode="overlay",
        xaxis={
            "title": {"text": f"Code ({spec.bits} bits)"},
            "range": [spec.qmin - width, spec.qmax + width],
        },
        yaxis={"title": {"text": "Share of entries"}, "tickformat": "~%", "rangemode": "tozero"},
    )


def _bars(
    code: NDArray[Any], share: NDArray[Any], width: int, name: str, color: str, params: QParams
) -> Trace:
    return {
        "type": "bar",
        "x": code,
        "y": share,
        "width": 0.9 * width,
        "marker": {"color": color},
        "name": name,
        "hovertext": [
            f"code {short(c)}{_stands_for(c, params)}: {percent(s)}"
            for c, s in zip(code, share, strict=True)
        ],
        "hoverinfo": "text",
    }


def _stands_for(code: float, params: QParams) -> str:
    """Return the real number of a code, where all of the tensor has one scale."""
    if params.scale.ndim:
        return ""
    return f" = {short(float((code - params.zero) * params.scale))}"


def _summary(share: NDArray[np.float64], zero: NDArray[np.bool_], end: NDArray[np.bool_]) -> str:
    used = int((share > 0).sum())
    return sentence(
        f"{used:,} of {share.size:,} codes are in use; {percent(share[zero].sum())} of the entries "
        f"are exactly 0 and {percent(share[end].sum())} are at an end of the range, "
        "where larger values are cut off"
    )
