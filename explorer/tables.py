"""What is shown, node by node or graph by graph, as a table that any program reads."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np

from explorer.shown import Shown

SPLITS = ("train", "val", "test")


def units_csv(shown: Shown) -> str:
    """Return what is predicted as CSV, a line each: what it is, what it is taken for, its errors.

    Columns: ``node`` and ``in_degree``, or of a set ``graph`` and ``nodes``; ``split``; ``label``,
    ``float`` and ``integer``, classes, or with a number behind each target; ``total``, ``own`` and
    ``inherited``, the scores' relative L2 errors.
    """
    graph, analysis = shown.measured, shown.analysis
    columns: dict[str, Any] = {}
    if graph.is_set:
        columns |= {"graph": np.arange(graph.units), "nodes": shown.sizes}
    else:
        columns |= {"node": np.arange(graph.units), "in_degree": graph.in_degree}
    split = np.full(graph.units, "", dtype=object)
    for name in SPLITS:
        split[getattr(graph, name)] = name
    columns["split"] = split
    traces = {"float": analysis.study.trace, "integer": analysis.trace}
    if graph.targets is None:
        columns["label"] = graph.y
        columns |= {name: trace.classes for name, trace in traces.items()}
    else:
        held = {"label": graph.targets, **{name: trace.scores for name, trace in traces.items()}}
        for at in range(graph.outputs):
            columns |= {f"{name}{at + 1}": of[:, at] for name, of in held.items()}
    columns["total"] = analysis.error(shown.last)
    columns["own"] = analysis.error(shown.last, kind="own")
    columns["inherited"] = analysis.error(shown.last, kind="inherited")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_listed(column) for column in columns.values()), strict=True))
    return file.getvalue()


def _listed(column: Any) -> list[Any]:
    """Return numbers to six digits, whole ones and text as they are."""
    values = np.asarray(column)
    if values.dtype.kind != "f":
        return list(values.tolist())
    return [f"{value:.6g}" for value in values.tolist()]
