"""Every node, or every graph of a set, as CSV."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from explorer.tables import units_csv


def test_every_node_has_its_line(shown) -> None:
    rows = list(csv.DictReader(io.StringIO(units_csv(shown))))
    graph, analysis = shown.measured, shown.analysis
    assert [int(row["node"]) for row in rows] == list(range(graph.nodes))
    assert [int(row["integer"]) for row in rows] == analysis.trace.classes.tolist()
    assert [int(row["label"]) for row in rows] == graph.y.tolist()
    tested = [row["split"] == "test" for row in rows]
    assert tested == graph.test.tolist()
    for kind in ("total", "own", "inherited"):
        error = analysis.error(shown.last, kind=kind)
        assert [float(row[kind]) for row in rows] == pytest.approx(error.tolist(), rel=1e-4)
    right = np.mean([row["integer"] == row["label"] for row in rows if row["split"] == "test"])
    assert right == pytest.approx(analysis.result["integer"])
