"""``graphbits reproduce``: cells run, kept and shown; a second call runs nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import experiment
from engine.__main__ import main


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))


def reproduce(folder: Path, *options: str) -> int:
    return main(["reproduce", "degree-quant", "--smoke", "--folder", str(folder), *options])


def test_cells_are_run_once_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only = ("--only", "karate", "--only", "Degree-Quant, 4")
    assert reproduce(tmp_path, *only) == 0
    assert "degree-quant.md and .json" in capsys.readouterr().out
    text = (tmp_path / "degree-quant.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| g")]
    assert [row.split("|")[1].strip() for row in rows] == ["gcn 2×16", "gat 2×64", "gin 2×64"]
    assert "\ngraphbits reproduce degree-quant --seeds 10 --smoke\n" in text
    data = json.loads((tmp_path / "degree-quant.json").read_text(encoding="utf-8"))
    for row in data["rows"]:
        assert len(row["runs"]) == 2
        assert all(held["max_code_difference"] <= 1 for held in row["runs"])

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr(experiment, "fit_narrowing", forbidden)
    assert reproduce(tmp_path, *only) == 0
    assert (tmp_path / "degree-quant.md").read_text(encoding="utf-8") == text


def test_what_the_tables_hold_needs_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> dict[str, Any]:
        data = json.loads((tmp_path / "degree-quant.json").read_text(encoding="utf-8"))
        return {row["scheme"]: row for row in data["rows"]}

    only = ("--only", "karate", "--only", "gcn")
    assert reproduce(tmp_path, *only, "--only", "QAT, 4", "--seeds", "1") == 0
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "another"))
    assert reproduce(tmp_path, *only, "--only", "Degree-Quant, 4") == 0
    first = rows()
    assert {scheme: len(row["runs"]) for scheme, row in first.items()} == {
        "QAT, 4 bits": 1,
        "Degree-Quant, 4 bits": 2,
    }
    assert reproduce(tmp_path, *only, "--only", "QAT, 4") == 0  # one of two is there
    second = rows()
    assert second["Degree-Quant, 4 bits"] == first["Degree-Quant, 4 bits"]
    assert second["QAT, 4 bits"]["runs"][0] == first["QAT, 4 bits"]["runs"][0]
    assert len(second["QAT, 4 bits"]["runs"]) == 2


def test_sets_of_graphs_are_run(tmp_path: Path) -> None:
    options = ("--seeds", "1", "--epochs", "1", "--only", "superpixels", "--only", "Quant, 8")
    assert reproduce(tmp_path, *options) == 0
    data = json.loads((tmp_path / "degree-quant.json").read_text(encoding="utf-8"))
    (row,) = data["rows"]
    assert (row["graph"], row["model"]) == ("digits-superpixels", "gin 2×8, mean pool")


def test_two_bits_of_every_propagation_and_what_is_stored(tmp_path: Path) -> None:
    def smooth(*options: str) -> str:
        command = ["reproduce", "smoothness", "--smoke", "--folder", str(tmp_path)]
        assert main([*command, "--seeds", "1", *options]) == 0
        return (tmp_path / "smoothness.md").read_text(encoding="utf-8")

    text = smooth("--only", "2 bits", "--only", "K = 3", "--only", "karate · ")
    rows = [line for line in text.splitlines() if "| 2 bits" in line]
    assert [row.split("|")[2].strip() for row in rows] == 3 * [
        f"2 bits, {name}" for name in ("QLR", "LSQ", "BT", "BT*", "QLR, distilled", "QLR, narrowed")
    ]
    assert "2 bits: smp gains " in text
    stored = smooth("--stored")
    again = [line for line in stored.splitlines() if "| 2 bits" in line][:18]
    beside_times = [[line.split("|")[:-3] for line in lines] for lines in (rows, again)]
    assert beside_times[0] == beside_times[1]
    assert "- karate: appnp, K = 3: 8 bits, QLR; 8 bits, LSQ; 4 bits, QLR; " in stored
    assert "- karate, by depth: all of appnp, K = 2; elastic, K = 2; smp, K = 2" in stored
    data = json.loads((tmp_path / "smoothness.json").read_text(encoding="utf-8"))
    runs = [held for row in data["rows"] for held in row["runs"]]
    assert all(held["codes_different"] == 0 for held in runs)


def test_races_are_run_once_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def race(*only: str) -> int:
        asked = [part for text in only for part in ("--only", text)]
        return main(["reproduce", "lpgnas", "--smoke", "--folder", str(tmp_path), *asked])

    assert race("lpgnas") == 0
    assert "lpgnas.md and .json" in capsys.readouterr().out
    text = (tmp_path / "lpgnas.md").read_text(encoding="utf-8")
    titles = [line for line in text.splitlines() if line.startswith("## karate: ")]
    assert len(titles) == text.count("\n| lpgnas |") == 3
    assert "reproduce lpgnas --seeds 5 --smoke\n" in text
    assert "- karate: widths of gcn 2×16: " in text

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing is to be trained")

    monkeypatch.setattr(experiment, "fit_narrowing", forbidden)
    monkeypatch.setattr("engine.searching.one_shot.OneShot.warm_up", forbidden)
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "another store"))
    assert race("lpgnas") == 0
    assert (tmp_path / "lpgnas.md").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("method", ["uniform", "random", "tpe", "nsga2", "greedy", "relaxed"])
def test_every_rival_is_raced(tmp_path: Path, method: str) -> None:
    options = ("--smoke", "--seeds", "1", "--only", "widths of", "--only", f"· {method}")
    assert main(["reproduce", "lpgnas", "--folder", str(tmp_path), *options]) == 0
    (row,) = json.loads((tmp_path / "lpgnas.json").read_text(encoding="utf-8"))["rows"]
    assert (row["method"], len(row["searches"])) == (method, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "nowhere"), "--only: got ['nowhere'], accepts text of a cell, such as karate"),
        (("--seeds", "0"), "--seeds: got 0, accepts an integer from 1"),
        (("--epochs", "0"), "--epochs: got 0, accepts an integer from 1"),
    ],
)
def test_wrong_options_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    assert reproduce(tmp_path, *options) == 1
    assert message in capsys.readouterr().err


def test_an_unknown_study_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "everything"]) == 1
    assert "study: got 'everything', accepts one of degree-quant" in capsys.readouterr().err
