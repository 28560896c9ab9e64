"""The inference benchmark: the same forward by every rival, and what is said of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.bench import case as cases
from engine.bench import inference
from engine.bench.case import GraphCase, Subject
from engine.bench.inference import bench_inference
from engine.bench.machine import Machine
from engine.bench.race import Effort
from engine.integer import bind
from engine.spec import GraphSpec, ModelSpec

KARATE = GraphCase(spec=GraphSpec(name="karate"))
ONCE = Effort(rounds=1, budget_s=30)


def test_names_and_ratios(machine: Machine) -> None:
    model = ModelSpec(layers=3, hidden=4, residual=True)
    report = bench_inference(KARATE, model, machine, ONCE, bits=(4,), profiled=True)
    assert report.case == {
        "graph": "karate",
        "nodes": 34,
        "edges": 156,
        "operator": "gcn",
        "widths": "34→4→4→4",
    }
    names = [row["name"] for row in report.rows]
    assert names == ["torch sparse CSR, float32", "PyG default, float32", "ours, 4 bits"]
    first, last = report.rows[0], report.rows[-1]
    assert first["ratio"] == 1
    assert last["ratio"] == first["median_ms"] / last["median_ms"]
    stages = report.stages["ours, 4 bits"]
    assert [stage["name"] for stage in stages][-1] == "2.aggregate > 2.output"
    assert stages[0]["name"] == "0.feature > 0.message"
    assert sum(stage["share"] for stage in stages) == pytest.approx(1)
    assert sum(stage["bytes_moved"] for stage in stages) == last["bytes_moved"]
    assert sum(stage["operations"] for stage in stages) == last["operations"]


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_only_ours_on_a_made_graph(machine: Machine, operator: str) -> None:
    case = GraphCase(spec=GraphSpec(name="hubs", nodes=60), degree=5, features=6)
    effort = replace(ONCE, against=())
    model = ModelSpec(operator=operator, hidden=8)
    report = bench_inference(case, model, machine, effort, classes=7)
    assert [row["name"] for row in report.rows] == [f"ours, {bits} bits" for bits in (8, 4, 2)]
    assert report.case["widths"] == "6→8→7"
    assert not report.stages


def test_messages_without_room_are_not_made(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "free_bytes", lambda: 2 * 8 * 156 * 16)
    report = bench_inference(KARATE, ModelSpec(hidden=16), machine, ONCE, bits=(8,))
    assert list(report.skipped) == ["PyG default, float32"]
    assert "PyG" not in " ".join(row["name"] for row in report.rows)


def test_wide_loops_compute_the_forward() -> None:
    case = GraphCase(spec=GraphSpec(name="hubs", nodes=50), degree=6, features=9)
    graph = case.graph()
    subject = Subject(case, ModelSpec(hidden=11).layer_specs(9, 5), graph)
    scores = bind(subject.reference, subject.neighbourhoods, graph.x).run()
    wide = inference._wide(subject, np.dtype(np.float32))()
    np.testing.assert_allclose(wide, scores, rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(inference.loops.choose(wide), wide.argmax(axis=1))
