"""Runs of a command carried out side by side: the same numbers, and what ends without a result."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine import experiment
from engine.__main__ import main
from engine.commands import reproduce, run
from engine.dispatch import silent


@pytest.fixture(autouse=True)
def _threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two threads stand for two processes, and spare starting them."""
    two = silent(partial(ThreadPoolExecutor, 2))
    for command in (run, reproduce):
        monkeypatch.setattr(
            command, "workers_of", lambda options: two if options.workers == 2 else None
        )


def numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *workers: str) -> dict[str, Any]:
    """Return what seeds come to in a store of their own, but for times."""
    folder = tmp_path / "_".join(("by", *workers))
    monkeypatch.setenv("GRAPHBITS_STORE", str(folder))
    file = folder.with_suffix(".json")
    options = [
        "--graph",
        "karate",
        "--epochs",
        "4",
        "--seeds",
        "3",
        "--finetune",
        "--scheme",
        "qat",
    ]
    assert main(["run", *options, "--json", str(file), *workers]) == 0
    written: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    for part in (*written["seeds"], written["mean"], written["sd"]):
        del part["latency"], part["epoch_ms"]
    return written


def test_seeds_are_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side_by_side = numbers(tmp_path, monkeypatch, "--workers", "2")
    assert side_by_side == numbers(tmp_path, monkeypatch)


def test_a_run_that_ends_without_a_result_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path))

    def diverging(*_: Any) -> Any:
        raise experiment.training.Diverged("the loss was nan at epoch 1")
        yield

    monkeypatch.setattr(experiment, "fit_narrowing", diverging)
    assert main(["run", "--graph", "karate", "--epochs", "4", "--workers", "2"]) == 1
    assert capsys.readouterr().err == "graphbits: seed 0: The loss was nan at epoch 1.\n"


def test_a_study_is_reproduced_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for name, workers in (("beside", ["--workers", "2"]), ("here", [])):
        monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / name / "store"))
        only = ["--only", "karate", "--only", "gcn", "--only", "Degree-Quant, 4"]
        folder = ["--folder", str(tmp_path / name)]
        assert main(["reproduce", "degree-quant", "--smoke", *only, *folder, *workers]) == 0
        (row,) = json.loads((tmp_path / name / "degree-quant.json").read_text("utf-8"))["rows"]
        rows.append([without_times(run) for run in row["runs"]])
    assert rows[0] == rows[1] != []


def without_times(run: dict[str, Any]) -> dict[str, Any]:
    return {key: run[key] for key in run if key not in ("latency_ratio", "epoch_ms")}
