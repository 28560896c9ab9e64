"""The preview benchmark: the float model is found or made, then widths change one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import preview
from engine.bench.preview import bench_preview, chart_data
from engine.runs import RunStore
from engine.spec import GraphSpec, ModelSpec, TrainingSpec, scheme


def test_names_and_percentiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def watched(analysis: preview.Analysis) -> list[object]:
        drawn.append(analysis.program)
        return chart_data(analysis)

    monkeypatch.setattr(preview, "chart_data", watched)
    graph, model = GraphSpec(name="karate"), ModelSpec(hidden=4)
    report = bench_preview(graph, model, changes=9, folder=tmp_path)
    assert set(report) == {"graph", "changes", "p50_ms", "p95_ms", "slowest_first_ms"}
    assert (report["graph"], report["changes"]) == ("karate", 9)
    assert 0 < report["p50_ms"] <= report["p95_ms"]
    assert len({id(program) for program in drawn}) == 19, "a first preview, then 9 changes twice"
    known = scheme("float", graph=graph, model=model, training=TrainingSpec(epochs=50))
    assert RunStore(tmp_path).answer(known.key) is not None
