"""``graphbits bench``: which benchmark it calls with what, and what it prints and writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.bench.race import OTHERS, Effort
from engine.commands.bench import OTHERS as OFFERED
from engine.spec import GraphSpec, ModelSpec

OLD_KINDS = ("training", "preview")
RACES = ("aggregation", "product", "inference")
REPORT = {"graph": "karate", "ratio": {"pyg": 2.5, "torch_best": 1.25}, "threads": 1}


class Told:
    """A report that was not measured."""

    kind, case, rows, stages = "inference", {"nodes": 5}, (), {}

    def json(self) -> dict[str, Any]:
        return REPORT

    def __str__(self) -> str:
        return "what was measured"


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put benchmarks that measure nothing in place of the real ones."""
    import engine.bench.preview
    import engine.bench.training
    from engine.bench import task

    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))
    seen: list[tuple[Any, ...]] = []
    for kind in OLD_KINDS:

        def bench(*values: Any, kind: str = kind, **options: Any) -> dict[str, Any]:
            seen.append((kind, *values, options))
            return REPORT

        monkeypatch.setattr(getattr(engine.bench, kind), f"bench_{kind}", bench)

    def run(self: task.Task) -> Told:
        seen.append((self.kind, self))
        return Told()

    def grown(of: task.Task, by: str) -> Iterator[Told]:
        seen.append((by, of))
        yield from (Told(), Told())

    monkeypatch.setattr(task.Task, "run", run)
    monkeypatch.setattr(task, "grown", grown)
    return seen


@pytest.mark.parametrize("kind", OLD_KINDS)
def test_each_kind_calls_its_benchmark(
    kind: str, calls: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "numbers.json"
    arguments = ["--graph", "karate", "--hidden", "8", "--json", str(file)]
    asked = {} if kind == "preview" else {"bits": 4, "epochs": 7}
    given = [word for name, value in asked.items() for word in (f"--{name}", str(value))]
    assert main(["bench", kind, *arguments, *given]) == 0
    options = {"folder": tmp_path / "store"} | asked | ({"size": 128} if asked else {})
    assert calls == [(kind, GraphSpec(name="karate"), ModelSpec(hidden=8), options)]
    assert json.loads(file.read_text()) == REPORT
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["graph", "karate"],
        ["ratio.pyg", "2.500"],
        ["ratio.torch_best", "1.250"],
        ["threads", "1"],
    ]


@pytest.mark.parametrize("kind", RACES)
def test_races_are_tasks(
    kind: str, calls: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "numbers.json"
    size = ["--nodes", "500", "--features", "12", "--hidden", "8", "--bits", "8", "2x4"]
    effort = ["--threads", "1", "--rounds", "3", "--seconds", "5", "--only-ours", "--profile"]
    assert main(["bench", kind, *size, *effort, "--json", str(file)]) == 0
    ((called, task),) = calls
    assert called == kind
    assert task.graph == GraphSpec(name="hubs", nodes=500)
    assert (task.features, task.model) == (12, ModelSpec(hidden=8))
    assert task.bits == ((8, 8), (2, 4))
    assert (task.threads, task.profile) == (1, True)
    assert (task.effort.rounds, task.effort.budget_s, task.effort.against) == (3, 5, ())
    assert json.loads(file.read_text()) == REPORT
    assert capsys.readouterr().out == "what was measured\n\n"


def test_a_sweep_writes_all_its_reports(calls: list[Any], tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    assert main(["bench", "product", "--sweep", "nodes", "--json", str(file)]) == 0
    assert calls[0][0] == "nodes"
    assert json.loads(file.read_text()) == [REPORT, REPORT]


def test_the_roofline_is_drawn(
    calls: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.bench import roofline

    monkeypatch.setattr(roofline, "draw", lambda reports: f"{len(reports)} reports")
    page = tmp_path / "roofline.html"
    assert main(["bench", "aggregation", "--roofline", str(page)]) == 0
    assert page.read_text() == "1 reports"


def test_cora_is_the_default(calls: list[Any]) -> None:
    assert main(["bench", "training"]) == 0
    assert calls[0][1:3] == (GraphSpec(name="Cora"), ModelSpec())
    assert main(["bench", "inference"]) == 0
    assert calls[1][1].graph == GraphSpec(name="Cora")
    assert calls[1][1].bits is None
    assert calls[1][1].effort == Effort()


def test_whom_to_race(calls: list[Any]) -> None:
    assert main(["bench", "inference", "--against", "torch", "loops"]) == 0
    assert calls[0][1].effort.against == ("torch", "loops")
    assert OFFERED == OTHERS


@pytest.mark.parametrize("bits", ["x", "8x", "8x4x2", "eight", ""])
def test_widths_that_are_none(
    bits: str, calls: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "product", "--bits", bits]) == 1
    assert "a width as 8, or two as 2x8" in capsys.readouterr().err


def test_wrong_options(calls: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "training", "--layers", "1"]) == 1
    assert "layers: got 1, accepts an integer from 2 to 64" in capsys.readouterr().err
    for arguments in (["bench"], ["bench", "memory"], ["bench", "preview", "--bits", "8"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    assert not calls


def test_visitors_are_sent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import explorer.load

    seen: list[Any] = []

    def load(visitors: int, **options: Any) -> dict[str, Any]:
        seen.append((visitors, options))
        return {"runs": {"lost": 0}}

    monkeypatch.setattr(explorer.load, "load", load)
    assert main(["bench", "visitors", "--visitors", "6", "--every", "0.5"]) == 0
    assert seen == [(6, {"epochs": 100, "every_s": 0.5, "kills": 1})]
    assert capsys.readouterr().out.split() == ["runs.lost", "0"]
