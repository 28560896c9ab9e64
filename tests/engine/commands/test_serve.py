"""``graphbits serve`` and ``publish``: what they pass on; the rest is driven over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import explorer.host
import explorer.publish
from engine.__main__ import main
from engine.spec import RunSpec, dumps


def test_serve_passes_folder_and_port_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        explorer.host, "host", lambda folder, **given: seen.append((folder, *given.values()))
    )
    assert main(["serve", "site"]) == 0
    assert main(["serve", "site", "--port", "9000"]) == 0
    assert main(["serve", "site", "--cluster", "tcp://there:8786"]) == 0
    assert seen == [
        (Path("site"), None, None),
        (Path("site"), 9000, None),
        (Path("site"), None, "tcp://there:8786"),
    ]


def test_publish_reads_recipes_and_says_how_to_serve(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []

    def publish(folder: Path, page: Path | None, recipes: list[RunSpec], **given: str | None):
        seen.append((folder, page, recipes, given))
        return explorer.publish.Site(folder)

    monkeypatch.setattr(explorer.publish, "publish", publish)
    files = []
    for seed in (1, 2):
        files.append(tmp_path / f"{seed}.json")
        files[-1].write_text(dumps(RunSpec(seed=seed)))
    given = [part for file in files for part in ("--recipe", str(file))]
    assert main(["publish", "page.ipynb", *given, "--into", "there"]) == 0
    made = {"token": None, "cluster": None}
    assert seen == [(Path("there"), Path("page.ipynb"), [RunSpec(seed=1), RunSpec(seed=2)], made)]
    assert "graphbits serve there" in capsys.readouterr().out


def test_publish_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "recipe.json"
    bad.write_text('{"model": {"hidden": 0}}')
    assert main(["publish", "--recipe", str(bad), "--into", str(tmp_path / "site")]) == 1
    assert "model.hidden: got 0" in capsys.readouterr().err
    assert main(["publish", str(tmp_path / "no.ipynb"), "--into", str(tmp_path / "site")]) == 1
    assert not (tmp_path / "site").exists()
