"""Whole files or none, on full and read-only disks too."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import BinaryIO

import pytest

from engine.runs import disk


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    disk.write_text(tmp_path / "a", "old")

    def fail(file: BinaryIO) -> None:
        file.write(b"half of it")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        disk.write(tmp_path / "a", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    disk.write_text(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "new"


def test_append_adds_to_the_end(tmp_path: Path) -> None:
    for line in (b"one\n", b"two\n"):
        disk.append(tmp_path / "a", line)
    assert (tmp_path / "a").read_bytes() == b"one\ntwo\n"


def test_append_that_does_not_fit_leaves_the_old_length(tmp_path: Path) -> None:
    disk.append(tmp_path / "a", b"one\n")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6, old[1]))
        with pytest.raises(OSError, match="File too large"):
            disk.append(tmp_path / "a", b"two\n")  # of which two bytes fit
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    disk.append(tmp_path / "a", b"three\n")
    assert (tmp_path / "a").read_bytes() == b"one\nthree\n"


def test_discard_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    disk.write_text(folder / "a", "text")
    disk.discard(folder, tmp_path / "trash")
    assert not folder.exists()
    assert list((tmp_path / "trash").iterdir()) == []
