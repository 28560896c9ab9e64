"""Error against degree or size: what quantization costs a node or a graph, and who pays more."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from engine.metrics.bands import DegreeBand, degree_bands, extremes
from engine.spec import Bucket
from explorer.captions import percent
from explorer.figures.chart import Trace, blank, chart, joined, sentence, short, table, text
from explorer.figures.degree_axis import degree_axis, jittered, places, span
from explorer.figures.focus import BRUSH_ACROSS, Focus
from explorer.figures.theme import CONTEXT, GREY, PINNED, SELECTED, Style, style

MOST_POINTS = 300
"""Nodes drawn one by one, over all series; a graph with fewer nodes shows every one."""
ROOM = 2.0
"""The axis reaches so many times beyond the bands; nodes farther out lie on its edge."""
Z90 = 1.645


@dataclass(frozen=True, kw_only=True, slots=True)
class Against:
    """What an error is drawn against.

    Args:
        title: The chart's title.
        one: What has an error.
        count: What it is placed by, in a sentence.
        axis: The same, as the title of the axis.
        small: Those at the axis' lower end.
        large: Those at its upper end.
    """

    title: str
    one: str
    count: str
    axis: str
    small: str
    large: str


DEGREE = Against(
    title="Error against degree",
    one="node",
    count="in-degree",
    axis="In-degree (log scale)",
    small="leaves",
    large="hubs",
)
SIZE = Against(
    title="Error against graph size",
    one="graph",
    count="size",
    axis="Nodes of the graph (log scale)",
    small="small graphs",
    large="large graphs",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """What is measured of a node.

    Args:
        title: Its name, in a sentence.
        axis: Its axis title, with the unit.
        unit: Of its values, after a space; empty for a ratio.
        better: Which values are.
        is_share: Whether a node has it or not, so that a band has a share of nodes.
    """

    title: str
    axis: str
    unit: str = ""
    better: Literal["lower", "higher"] = "lower"
    is_share: bool = False

    @property
    def interval(self) -> str:
        """What the shade around a line is."""
        return "90 % interval" if self.is_share else "5–95 %"

    def value(self, number: float) -> str:
        """Return one of its values as text."""
        return percent(number) if self.is_share else short(number) + self.unit

    def middle(self, band: DegreeBand) -> float:
        """Return where a band's line runs; nan where no value is finite."""
        return band.mean if self.is_share else band.median

    def ends(self, band: DegreeBand) -> tuple[float, float]:
        """Return the ends of a band's shade; nan where no value is finite."""
        return (
            wilson(band.mean, band.count - band.left_out) if self.is_share else (band.q05, band.q95)
        )


MEASURES = {
    "relative_l2": Measure(title="relative L2 error", axis="Relative L2 error"),
    "absolute_l2": Measure(title="absolute L2 error", axis="Absolute L2 error"),
    "sqnr_db": Measure(
        title="SQNR", axis="SQNR (dB, higher is better)", unit=" dB", better="higher"
    ),
    "saturation": Measure(
        title="share of codes at an end", axis="Codes at an end of the range (%)", unit=" %"
    ),
    "headroom": Measure(
        title="head-room",
        axis="Accumulator bits never needed",
        unit=" bits",
        better="higher",
    ),
    "class_flip": Measure(title="share of class flips", axis="Share of class flips", is_share=True),
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Series:
    """One line: the values of all nodes, and their bands.

    Args:
        name: As given, not escaped.
        values: [N].
        among: The nodes that it is of, [n].
        bands: Their bands, those with a finite value.
        look: Its style.
    """

    name: str
    values: NDArray[np.float64]
    among: NDArray[np.int64]
    bands: tuple[DegreeBand, ...]
    look: Style

    @classmethod
    def of(
        cls,
        name: str,
        values: ArrayLike,
        degree: NDArray[Any],
        look: Style,
        among: NDArray[np.int64] | None = None,
    ) -> Series:
        """Return a series with its bands, of some of the nodes, or of all."""
        values = np.asarray(values, dtype=np.float64)
        among = np.arange(values.size) if among is None else among
        bands = degree_bands(values[among], degree[among])
        kept = tuple(b for b in bands if not math.isnan(b.median))
        return cls(name=name, values=values, among=among, bands=kept, look=look)


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis of the measure: what holds the bands, with some room for single nodes.

    Args:
        floor: Its lower end.
        ceiling: Its upper end.
        log: Whether it is logarithmic.
    """

    floor: float
    ceiling: float
    log: bool

    @classmethod
    def of(cls, kind: Measure, series: Sequence[Series]) -> Scale:
        """Return the scale that suits the bands of all series, of which there is at least one."""
        ends = [kind.ends(band) for one in series for band in one.bands]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        if kind.is_share:
            return cls(-0.03 * high, min(1.25 * high, 1.02), False)
        if kind.better == "higher":
            room = max(high - low, 1.0) * (ROOM - 1) / 2
            return cls(low - room, high + room, False)
        if low > 0:
            return cls(low / ROOM, high * ROOM, True)
        high = high or 1.0
        return cls(-0.03 * ROOM * high, ROOM * high, False)

    def axis(self, kind: Measure) -> dict[str, Any]:
        """Return Plotly's axis."""
        axis: dict[str, Any] = {"range": [self.floor, self.ceiling], "title": {"text": kind.axis}}
        if kind.is_share:
            axis["tickformat"] = ".0%" if self.ceiling > 0.1 else ".1%"
        if self.log:
            ends = math.log10(self.floor), math.log10(self.ceiling)
            axis |= {"type": "log", "range": ends, "dtick": 1 if ends[1] - ends[0] > 2 else "D2"}
        return axis


def error_against(
    counts: ArrayLike,
    errors: Mapping[str, ArrayLike],
    *,
    against: Against = DEGREE,
    measure: str = "relative_l2",
    selected: int | None = None,
    pinned: Mapping[str, ArrayLike] | None = None,
    focus: Focus | None = None,
    buckets: Sequence[Bucket] = (),
    subtitle: str = "",
) -> go.Figure:
    """Return the error of nodes against their in-degree: bands, and the nodes outside them.

    A line is the median of a band of degrees, its shade the 5% to 95% range; of class flips, the
    share and its 90% Wilson interval. A point's customdata is its node. Likewise of graphs, against
    their sizes.

    Args:
        counts: In-degrees before self-loops, [N], or numbers of nodes, [G].
        errors: Values by the name of their series (``integer``, ``simulated``, …), each [N] or [G].
        against: Which of the two.
        measure: One of `MEASURES`; errors are named as in `engine.metrics.errors`.
        selected: A node, or graph, to mark.
        pinned: Values of runs to compare with, each [N] or [G]; drawn as thin lines.
        focus: The nodes, or graphs, to draw; a thin line is then the median of all.
        buckets: Where the width of what is drawn changes with the in-degree: a dotted line each.
        subtitle: Which run, layer or component this is.
    """
    kind = MEASURES[measure]
    counts = np.asarray(counts)
    among = None if focus is None else np.flatnonzero(focus.among)
    looks = {name: style(name, place) for place, name in enumerate(errors)}
    series = [Series.of(name, errors[name], counts, look, among) for name, look in looks.items()]
    if not counts.size or not series:
        return blank(against.title, f"There are no {against.one}s to show.", subtitle=subtitle)
    if among is not None and not among.size:
        said = f"No {against.one} here is {_quoted(focus)}."
        return blank(against.title, said, subtitle=subtitle)
    if not any(one.bands for one in series):
        return blank(against.title, _nothing(kind, series, against), subtitle=subtitle)
    wholes = [
        Series.of(f"{name}, all {against.one}s", values, counts, CONTEXT)
        for name, values in errors.items()
        if focus is not None
    ]
    scale = Scale.of(kind, [*series, *wholes])
    traces: list[Trace] = [_reference(kind, whole, against) for whole in wholes]
    for one in series:
        traces += _band_traces(kind, one, against)
    for one in series:
        traces.append(_points(kind, one, counts, MOST_POINTS // len(series), scale, against))
    for name, values in (pinned or {}).items():
        one = Series.of(f"{name} (pinned)", values, counts, PINNED, among)
        traces.append(_reference(kind, one, against))
    if selected is not None:
        traces += _mark(kind, selected, series, counts, scale, against)
    legend = f"{'Share' if kind.is_share else 'Median'} and {kind.interval}:"
    return chart(
        against.title,
        traces,
        summary=" ".join([_summary(kind, series, against, focus), *_changes(buckets)]),
        table=_table(kind, series, against),
        subtitle=subtitle,
        xaxis=degree_axis(int(counts.min()), int(counts.max()), against.axis),
        yaxis=scale.axis(kind),
        legend={"title": {"text": legend, "font": {"size": 12}}},
        shapes=[*([] if focus is None else focus.shade()), *map(_border, buckets)],
        annotations=[*map(_width, buckets)],
        **BRUSH_ACROSS,
    )


def _changes(buckets: Sequence[Bucket]) -> list[str]:
    """Return in a sentence where widths change, if they do."""
    said = [f"{bucket.bits} bits from in-degree {bucket.degree}" for bucket in buckets]
    return [sentence(f"nodes have {joined(said)}")] if said else []


def _border(bucket: Bucket) -> Trace:
    """Return the line between the last in-degree below a bucket and its first."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": _edge(bucket),
        "x1": _edge(bucket),
        "y0": 0,
        "y1": 1,
        "layer": "below",
        "line": {"width": 1, "dash": "dot", "color": GREY},
    }


def _width(bucket: Bucket) -> Trace:
    """Return the width that begins at a bucket's line."""
    return {
        "text": f"{bucket.bits} bits →",
        "x": math.log10(_edge(bucket)),
        "xref": "x",
        "xanchor": "left",
        "y": 1,
        "yref": "paper",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11, "color": GREY},
    }


def _edge(bucket: Bucket) -> float:
    below, first = places([bucket.degree - 1, bucket.degree])
    return math.sqrt(below * first)


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 90% interval of a share of ``count``, which holds at shares 0 and 1 too.

    Source:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    slack = Z90**2 / count
    centre = (share + slack / 2) / (1 + slack)
    half = math.sqrt(share * (1 - share) * slack + slack**2 / 4) / (1 + slack)
    return max(centre - half, 0.0), min(centre + half, 1.0)


def _outline(
    bands: Sequence[DegreeBand], values: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return the corners of a line over bands, from the first's low to the last's high end."""
    ends = places([bands[0].low, bands[-1].high]) * (1 / 1.08, 1.08)
    centres = places([band.centre for band in bands])
    return [ends[0], *centres.tolist(), ends[1]], [values[0], *values, values[-1]]


def _band_traces(kind: Measure, one: Series, against: Against) -> list[Trace]:
    if not one.bands:
        return []
    ends = [kind.ends(band) for band in one.bands]
    x, lower = _outline(one.bands, [low for low, _ in ends])
    _, upper = _outline(one.bands, [high for _, high in ends])
    shade = {
        "type": "scatter",
        "mode": "lines",
        "x": x + x[::-1],
        "y": lower + upper[::-1],
        "fill": "toself",
        "fillcolor": one.look.fill(),
        "line": {"width": 0},
        "hoverinfo": "skip",
        "legendgroup": one.name,
        "showlegend": False,
        "name": text(one.name),
    }
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": places([band.centre for band in one.bands]),
        "y": [kind.middle(band) for band in one.bands],
        "line": one.look.line(2.5),
        "marker": one.look.marker(7),
        "name": text(one.name),
        "legendgroup": one.name,
        "text": [
            f"{text(one.name)}, {against.count} {span(band.low, band.high)}, "
            f"{band.count:,} {against.one}s<br>"
            f"{kind.value(kind.middle(band))} "
            f"({kind.interval}: {kind.value(low)} to {kind.value(high)})"
            for band, (low, high) in zip(one.bands, ends, strict=True)
        ],
        "hoverinfo": "text",
    }
    return [shade, line]


def _reference(kind: Measure, one: Series, against: Against) -> Trace:
    """Return a series' medians as a thin line, to compare with."""
    name = text(one.name)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": places([band.centre for band in one.bands]),
        "y": [kind.middle(band) for band in one.bands],
        "line": one.look.line(1.5),
        "marker": one.look.marker(6),
        "name": name,
        "text": [
            f"{name}, {against.count} {span(band.low, band.high)}<br>"
            f"{kind.value(kind.middle(band))}"
            for band in one.bands
        ],
        "hoverinfo": "text",
    }


def _points(
    kind: Measure,
    one: Series,
    degree: NDArray[Any],
    most: int,
    scale: Scale,
    against: Against,
) -> Trace:
    """Return single nodes; one beyond an edge lies on it, as a triangle that points out."""
    values = one.values[one.among]
    if kind.is_share:
        nodes = one.among[values == 1][:most]
    elif values.size <= most:
        nodes = one.among[np.isfinite(values)]
    else:
        nodes = one.among[extremes(values, degree[one.among], most)]
    y = np.zeros(nodes.size) if kind.is_share else one.values[nodes]
    symbols = np.full(nodes.size, f"{one.look.symbol}-open", dtype=object)
    if kind.is_share:
        symbols[:] = "line-ns-open"
    symbols[y > scale.ceiling] = "triangle-up"
    symbols[y < scale.floor] = "triangle-down"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": jittered(degree)[nodes].astype(np.float32),
        "y": np.clip(y, scale.floor, scale.ceiling).astype(np.float32),
        "customdata": nodes,
        "text": [_told(kind, one, node, degree, against) for node in nodes],
        "hoverinfo": "text",
        "marker": {"color": one.look.color, "symbol": symbols.tolist(), "size": 6, "opacity": 0.85},
        "legendgroup": one.name,
        "name": f"{text(one.name)}, single {against.one}s",
        "showlegend": False,
    }


def _mark(
    kind: Measure,
    node: int,
    series: Sequence[Series],
    degree: NDArray[Any],
    scale: Scale,
    against: Against,
) -> list[Trace]:
    """Return rings around a node's value in each series, labelled on the side that has room."""
    if not 0 <= node < degree.size:
        return []
    x = jittered(degree)[node].item()
    side = "left" if x > math.sqrt(places(degree.min()) * places(degree.max())) else "right"
    values = [0.0 if kind.is_share else float(one.values[node]) for one in series]
    drawn = [
        (one, value) for one, value in zip(series, values, strict=True) if not math.isnan(value)
    ]
    return [
        {
            "type": "scatter",
            "mode": "markers" if place else "markers+text",
            "x": [x],
            "y": [min(max(value, scale.floor), scale.ceiling)],
            "customdata": [node],
            "text": f"<b>{against.one} {node}</b>",
            "textposition": f"middle {side}",
            "hovertext": _told(kind, one, node, degree, against),
            "hoverinfo": "text",
            "marker": {**SELECTED.marker(15), "line": {"width": 3}},
            "cliponaxis": False,
            "name": f"selected {against.one}",
            "showlegend": False,
        }
        for place, (one, value) in enumerate(drawn)
    ]


def _told(kind: Measure, one: Series, node: int, degree: NDArray[Any], against: Against) -> str:
    """Return what hovering over a node says."""
    value = one.values[node]
    if kind.is_share:
        told = "its class flips" if value else "its class stays"
    else:
        told = f"{kind.title} {kind.value(value)}"
    place = f"{against.one} {node}, {against.count} {degree[node]}"
    return f"{place}<br>{text(one.name)}: {told}"


def _nothing(kind: Measure, series: Sequence[Series], against: Against) -> str:
    if kind.better == "higher" and all((one.values == np.inf).all() for one in series):
        return f"Every {against.one} is exact: there is no quantization noise."
    return f"No {against.one} has a finite {kind.title}."


def _quoted(focus: Focus | None) -> str:
    return "" if focus is None else f"“{focus.title}”"


def _summary(kind: Measure, series: Sequence[Series], against: Against, focus: Focus | None) -> str:
    sentences = [_verdict(kind, one, against) for one in series]
    if focus is not None:
        said = f"only {focus.title}: {focus.among.sum():,} of {focus.among.size:,} {against.one}s"
        sentences.insert(0, sentence(said))
    left_out = [(int((~np.isfinite(one.values[one.among])).sum()), one.name) for one in series]
    missing = [f"{count:,} {against.one}s of {name}" for count, name in left_out if count]
    if missing:
        sentences.append(sentence(f"{joined(missing)} are not finite and left out"))
    return " ".join(sentences)


def _verdict(kind: Measure, one: Series, against: Against) -> str:
    """Return in a sentence how a series goes from the lowest counts to the highest."""
    if not one.bands:
        return sentence(f"{one.name}: no finite value")
    first, last = one.bands[0], one.bands[-1]
    start, end = kind.middle(first), kind.middle(last)
    name = kind.title if kind.is_share else f"median {kind.title}"
    place = f"{against.count} {span(first.low, first.high)}"
    said = f"{one.name}: the {name} is {kind.value(start)} at {place}"
    if len(one.bands) == 1:
        return sentence(f"{said}, the only band")
    said += f" and {kind.value(end)} at {span(last.low, last.high)}"
    if start > 0 and not kind.is_share and kind.better == "lower":
        return sentence(f"{said}, {short(end / start)} times as much")
    worse = end > start if kind.better == "lower" else end < start
    verdict = (
        "no different from" if start == end else "worse off than" if worse else "better off than"
    )
    return sentence(f"{said}: {against.large} are {verdict} {against.small}")


def _table(kind: Measure, series: Sequence[Series], against: Against) -> dict[str, Any]:
    middle = "Share" if kind.is_share else "Median"
    low, high = ("90 % low", "90 % high") if kind.is_share else ("5 %", "95 %")
    rows = [
        [one.name, span(b.low, b.high), b.count, kind.middle(b), *kind.ends(b), b.left_out]
        for one in series
        for b in one.bands
    ]
    columns = [against.count.capitalize(), f"{against.one.capitalize()}s"]
    return table(["Series", *columns, middle, low, high, "Left out"], rows)
