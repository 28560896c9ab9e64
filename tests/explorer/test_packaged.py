"""What comes with the package is found, and its absence is said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from explorer import packaged
from explorer.packaged import NotPackaged, notebook, python_path, stores


def test_notebook_is_the_one_liner() -> None:
    cells = json.loads(notebook().read_text())["cells"]
    code = "".join(cells[0]["source"])
    assert len(cells) == 1
    assert code.split() == ["from", "explorer", "import", "Explorer", "Explorer()"]


def test_absence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packaged, "HERE", tmp_path / "explorer")
    assert stores() == ()
    with pytest.raises(NotPackaged, match=r"explorer\.ipynb is at neither"):
        notebook()
    (tmp_path / "explorer" / "notebooks").mkdir(parents=True)
    installed = tmp_path / "explorer" / "notebooks" / "explorer.ipynb"
    installed.touch()
    assert notebook() == installed


def test_another_process_finds_our_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert Path(python_path(), "explorer", "packaged.py").is_file()
    ours = python_path()
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert python_path() == os.pathsep.join((ours, "/elsewhere"))
