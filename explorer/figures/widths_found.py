"""Which widths searches gave each component: shares of the answers' layers, and mean bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.colors import sample_colorscale

from engine.spec import COMPONENTS, Component
from engine.spec.quantization import LEARNED
from explorer.figures.chart import HALF_PAGE, Trace, blank, chart, joined, sentence, table, text
from explorer.figures.drawing import SCALE
from explorer.figures.theme import GREY

TITLE = "Which widths were found"
DARK = 0.55
"""Share of the scale's way up to which its colours need light letters."""
DOUBTS = 2.0
"""Standard errors by which weights and what flows differ before one is said to have more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The widths of a search's answer.

    Args:
        name: Which search.
        graph: What it was for.
        bits: Widths of each component, a number for each layer that has it.
    """

    name: str
    graph: str
    bits: Mapping[Component, Sequence[int]]

    def mean(self, *, learned: bool) -> float:
        """Return the mean width of what is learned, or of what flows through the network."""
        held = [b for name, bits in self.bits.items() for b in bits if (name in LEARNED) == learned]
        return float(np.mean(held))


def widths_found(answers: Sequence[Found], *, subtitle: str = "") -> go.Figure:
    """Return a bar for each component: which share of it has which width, over answers and layers.

    Args:
        answers: Of searches.
        subtitle: Which searches these are.
    """
    if not answers:
        return blank(TITLE, "No search has an answer yet.", subtitle=subtitle)
    names = [name for name in COMPONENTS if any(name in found.bits for found in answers)]
    widths = sorted({b for found in answers for bits in found.bits.values() for b in bits})
    counts = np.array([[_count(answers, name, width) for width in widths] for name in names])
    shares: NDArray[np.float64] = 100 * counts / counts.sum(axis=1, keepdims=True)
    means = [_mean(answers, name) for name in names]
    steps = np.linspace(0, 1, len(widths)) if len(widths) > 1 else np.zeros(1)
    traces = [
        _bars(names, shares[:, at], width, float(steps[at])) for at, width in enumerate(widths)
    ]
    columns = ["Component", "Mean bits", "sd", *(f"{width} bits (%)" for width in widths)]
    return chart(
        TITLE,
        traces,
        summary=_summary(answers),
        table=table(
            columns,
            [[name, *means[at], *shares[at].tolist()] for at, name in enumerate(names)],
        ),
        subtitle=subtitle,
        line=HALF_PAGE,
        right=108,
        barmode="stack",
        bargap=0.28,
        xaxis={"title": {"text": "Share of the layers (%)"}, "range": [0, 100]},
        yaxis={"autorange": "reversed", "ticks": "", "automargin": True},
        annotations=[
            {
                "text": f"{mean:.1f} ± {sd:.1f} bits",
                "x": 1,
                "xref": "paper",
                "xanchor": "left",
                "xshift": 6,
                "y": name,
                "showarrow": False,
                "font": {"size": 12},
            }
            for name, (mean, sd) in zip(names, means, strict=True)
        ],
        legend={"traceorder": "normal"},
    )


def _count(answers: Sequence[Found], name: Component, width: int) -> int:
    return sum(bits == width for found in answers for bits in found.bits.get(name, ()))


def _mean(answers: Sequence[Found], name: Component) -> tuple[float, float]:
    """Return a component's mean width, and its standard deviation over the answers."""
    of = [float(np.mean(found.bits[name])) for found in answers if found.bits.get(name)]
    return float(np.mean(of)), _sd(of)


def _sd(values: Sequence[float]) -> float:
    """Return the sample standard deviation, 0 of a single number."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _bars(names: Sequence[str], shares: NDArray[np.float64], width: int, at: float) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "x": shares,
        "y": list(names),
        "name": f"{width} bits",
        "marker": {"color": sample_colorscale(SCALE, [at])[0], "line": {"color": GREY, "width": 1}},
        "text": [f"{width}" if share >= 8 else "" for share in shares],
        "textposition": "inside",
        "insidetextanchor": "middle",
        "textangle": 0,
        "textfont": {"color": "white" if at < DARK else "black", "size": 12},
        "hovertext": [
            f"{text(name)}: {share:.0f} % at {width} bits"
            for name, share in zip(names, shares, strict=True)
        ],
        "hoverinfo": "text",
    }


def _summary(answers: Sequence[Found]) -> str:
    """Say what weights and what flows through the network got, and whether that is W4A8's way."""
    graphs = joined(list(dict.fromkeys(found.graph for found in answers)))
    of = f"{len(answers)} answers" if len(answers) > 1 else "the answer"
    weights = [found.mean(learned=True) for found in answers]
    flowing = [found.mean(learned=False) for found in answers]
    told = [f"{np.mean(held):.1f} ± {_sd(held):.1f} bits" for held in (weights, flowing)]
    said = sentence(
        f"in {of} of searches on {graphs}, weights have {told[0]} on average, and what flows "
        f"through the network {told[1]}"
    )
    gaps = [of_weights - of_flow for of_weights, of_flow in zip(weights, flowing, strict=True)]
    gap = float(np.mean(gaps))
    doubt = DOUBTS * _sd(gaps) / len(gaps) ** 0.5
    apart = f"by {abs(gap):.1f} ± {_sd(gaps):.1f} bits"
    if gap < -doubt:
        way = f"weights have fewer, {apart}, as in W4A8"
    elif gap > doubt:
        way = f"weights have more, {apart}: W4A8 goes the other way"
    else:
        way = f"they differ {apart}, not clearly either way, and W4A8 would have weights with fewer"
    return f"{said} {sentence(way)}"


def bits_of(widths: Mapping[str, Any]) -> dict[Component, list[int]]:
    """Return the widths of each component from those of ``layer.component``, of all in-degrees.

    Args:
        widths: Options of a search's choices by name; those of the shape are left out.
    """
    held: dict[Component, list[int]] = {}
    for choice, option in widths.items():
        layer, name, *_ = *choice.split("."), ""
        if layer.isdigit():
            held.setdefault(next(c for c in COMPONENTS if c == name), []).append(int(option))
    return held
