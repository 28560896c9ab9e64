"""``graphbits bench``: which benchmark it calls with what, and what it prints and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.spec import GraphSpec, ModelSpec

KINDS = ("training", "preview", "inference")
REPORT = {"graph": "karate", "ratio": {"pyg": 2.5, "torch_best": 1.25}, "threads": 1}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put benchmarks that measure nothing in place of the real ones."""
    import engine.bench.inference
    import engine.bench.preview
    import engine.bench.training

    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))
    seen: list[tuple[Any, ...]] = []
    for kind in KINDS:

        def bench(*values: Any, kind: str = kind, **options: Any) -> dict[str, Any]:
            seen.append((kind, *values, options))
            return REPORT

        monkeypatch.setattr(getattr(engine.bench, kind), f"bench_{kind}", bench)
    return seen


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_calls_its_benchmark(
    kind: str, calls: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "numbers.json"
    arguments = ["--graph", "karate", "--hidden", "8", "--json", str(file)]
    bits = [] if kind == "preview" else ["--bits", "4"]
    assert main(["bench", kind, *arguments, *bits]) == 0
    options = {"folder": tmp_path / "store"} | ({} if kind == "preview" else {"bits": 4})
    assert calls == [(kind, GraphSpec(name="karate"), ModelSpec(hidden=8), options)]
    assert json.loads(file.read_text()) == REPORT
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["graph", "karate"],
        ["ratio.pyg", "2.500"],
        ["ratio.torch_best", "1.250"],
        ["threads", "1"],
    ]


def test_cora_is_the_default(calls: list[Any]) -> None:
    assert main(["bench", "training"]) == 0
    assert calls[0][1:3] == (GraphSpec(name="Cora"), ModelSpec())


def test_wrong_options(calls: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "training", "--layers", "1"]) == 1
    assert "layers: got 1, accepts an integer from 2 to 64" in capsys.readouterr().err
    for arguments in (["bench"], ["bench", "memory"], ["bench", "preview", "--bits", "8"]):
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
    assert not calls
