"""A task runs its kind with its threads, and a sweep doubles what it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numba
import pytest
import torch

from engine.bench import task as tasks
from engine.bench.machine import Machine
from engine.bench.race import Effort
from engine.bench.report import Report
from engine.bench.task import Task, grown
from engine.bench.threads import threads
from engine.integer.kernels.threads import most_threads, thread_count
from engine.spec import GraphSpec, ModelSpec, SpecError

TASK = Task(
    kind="inference",
    graph=GraphSpec(name="hubs", nodes=80),
    model=ModelSpec(hidden=8),
    features=8,
    effort=Effort(rounds=1, against=()),
    bits=((8, 8), (2, 2)),
)


@pytest.fixture(autouse=True)
def unmeasured(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "machine", lambda count: replace(machine, threads=count))


@pytest.mark.parametrize("kind", ["aggregation", "product", "inference"])
def test_runs(kind: Any) -> None:
    report = replace(TASK, kind=kind, threads=1).run()
    assert (report.kind, report.machine.threads) == (kind, 1)
    assert report.case["nodes"] == 80
    names = ["ours, 8×8 bits", "ours, 2×2 bits"] if kind == "product" else None
    assert [row["name"] for row in report.rows] == (names or ["ours, 8 bits", "ours, 2 bits"])
    assert report.json()["machine"]["cpu"] == "a processor"
    assert "ours, 8" in str(report)


def sizes(reports: list[Report], name: str) -> list[Any]:
    return [report.case[name] for report in reports]


def test_sweeps() -> None:
    assert sizes(list(grown(TASK, "nodes")), "nodes") == [10, 20, 40, 80]
    assert sizes(list(grown(TASK, "features")), "widths") == ["1→1→4", "2→2→4", "4→4→4", "8→8→4"]
    edges = sizes(list(grown(replace(TASK, degree=8), "degree")), "edges")
    assert edges == sorted(edges)
    assert edges[0] < edges[3] / 4
    rows = sizes(list(grown(replace(TASK, kind="product"), "nodes")), "nodes")
    assert rows == [10, 20, 40, 80]
    (bits,) = grown(TASK, "bits")
    assert [row["name"] for row in bits.rows] == [f"ours, {n} bits" for n in (2, 4, 8, 16)]
    counts = [report.machine.threads for report in grown(TASK, "threads")]
    assert counts[0] == 1
    assert counts[-1] == most_threads()


def test_refuses_sizes_that_are_not_there() -> None:
    karate = replace(TASK, graph=GraphSpec(name="karate"), features=None)
    with pytest.raises(SpecError, match="bits or threads, on karate"):
        next(grown(karate, "nodes"))
    with pytest.raises(SpecError, match="a product has no edges"):
        next(grown(replace(TASK, kind="product"), "degree"))
    with pytest.raises(ValueError, match="karate has its own"):
        replace(karate, degree=3).run()


def test_threads_are_given_back() -> None:
    with threads(None):  # from here on Numba's pool runs, and what torch uses is settled
        outer = numba.get_num_threads(), torch.get_num_threads()
    with threads(1) as count:
        assert (count, thread_count(), numba.get_num_threads(), torch.get_num_threads()) == (1,) * 4
    assert (numba.get_num_threads(), thread_count()) == (outer[0], most_threads())
    with pytest.raises(ValueError, match="wanted 1 to"), threads(most_threads() + 1):
        pass
