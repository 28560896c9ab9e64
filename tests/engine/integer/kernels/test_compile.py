"""Routines are cached where a folder can be written, and compile where there is none."""

from __future__ import annotations

from pathlib import Path

import numba
import pytest

from engine.integer.kernels import compile as compiling


@pytest.fixture
def unknown_folder(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    compiling._cache_folder.cache_clear()
    yield monkeypatch
    compiling._cache_folder.cache_clear()


def test_cache_is_named_for_the_kernels(unknown_folder: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unknown_folder.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = compiling._cache_folder()
    assert before is not None
    assert before.parent == tmp_path / "graphbits" / "kernels"
    compiling._cache_folder.cache_clear()
    own = tmp_path / "sources"
    own.mkdir()
    (own / "compile.py").write_text("changed")
    unknown_folder.setattr(compiling, "__file__", str(own / "compile.py"))
    assert compiling._cache_folder() != before


def test_without_a_folder_kernels_still_compile(
    unknown_folder: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    unknown_folder.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert compiling._cache_folder() is None
    double = compiling.inner(lambda x: 2 * x)
    assert double(21) == 42
