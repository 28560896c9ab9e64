"""The command: its parts, its exit codes, and that it runs as a module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.__main__ import main
from engine.commands import runs

ROOT = Path(__file__).parents[2]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    for name in ("explore", "run", "runs", "bench"):
        assert f"\n    {name} " in shown
    for name in ("explore", "run", "runs", "bench"):
        with pytest.raises(SystemExit, match="0"):
            main([name, "--help"])
        assert f"usage: graphbits {name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["rnu"], ["run", "--bit-width", "8"], ["run", "--epochs", "ten"]]
)
def test_wrong_options_end_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "usage: graphbits" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ValueError("bits: got 1, accepts 2"), 1, "graphbits: bits: got 1, accepts 2\n"),
        (OSError("the disk is full"), 1, "graphbits: the disk is full\n"),
        (KeyboardInterrupt(), 130, "graphbits: interrupted\n"),
    ],
)
def test_errors_are_sentences(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Any) -> int:
        raise error

    monkeypatch.setattr(runs, "act", fail)
    assert main(["runs"]) == status
    assert capsys.readouterr().err == said


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "engine", "runs"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "GRAPHBITS_STORE": str(tmp_path / "store")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Runs in" in done.stdout
