"""``graphbits runs``: a table of the store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.__main__ import main
from engine.runs import RunStore
from engine.spec import GraphSpec, scheme

KARATE = scheme("qat", bits=4, graph=GraphSpec(name="karate"))


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A store whose path looks like the table's markup."""
    folder = tmp_path / "[bold]store[/red]"
    monkeypatch.setenv("GRAPHBITS_STORE", str(folder))
    monkeypatch.setenv("COLUMNS", "200")
    return RunStore(folder)


def test_an_empty_store(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    shown = capsys.readouterr().out
    assert "[bold]store[/red]" in shown
    assert "integer" in shown


def test_runs_are_listed(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    with store.begin(KARATE) as pending:
        pending.finish({"accuracy": {"integer": 0.7512, "float": 0.8}})
    other = replace(KARATE, graph=GraphSpec(name="digits-knn"), seed=7)
    with store.begin(other) as pending:
        pending.cancelled()
    assert main(["runs"]) == 0
    shown = capsys.readouterr().out
    first, second = (line for line in shown.splitlines() if "gcn 2×16" in line)
    assert other.key[:12] in first, "the newest first"
    assert "cancelled" in first
    assert "%" not in first
    for part in (KARATE.key[:12], "karate", "retrain", "finished", "75.1 %", "80.0 %"):
        assert part in second
    assert main(["runs", "--graph", "karate"]) == 0
    assert "digits-knn" not in capsys.readouterr().out
    assert main(["runs", "--limit", "1"]) == 0
    assert "karate" not in capsys.readouterr().out


@pytest.mark.parametrize("limit", ["0", "-1"])
def test_a_wrong_limit(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "--limit", limit]) == 1
    assert f"graphbits: --limit: got {limit}, accepts an integer from 1" in capsys.readouterr().err
