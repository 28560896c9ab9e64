"""Writing that survives a kill and a full disk: a file or folder is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

PART = ".part"
"""Ending of a file that is still being written; nobody reads it."""


def write(path: Path, writer: Callable[[BinaryIO], None]) -> None:
    """Write a file under another name, sync it, then rename it into place.

    Args:
        path: Where the file goes; an older one is replaced.
        writer: Called once with the open file.
    """
    part = path.with_name(path.name + PART)
    try:
        with open(part, "wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


def write_text(path: Path, text: str) -> None:
    """Write a file that holds a text, as `write` does."""

    def writer(file: BinaryIO) -> None:
        file.write(text.encode())

    write(path, writer)


def append(path: Path, line: bytes) -> None:
    """Append bytes to a file; where they do not fit, the file keeps its old length."""
    with open(path, "ab", buffering=0) as file:
        length = os.fstat(file.fileno()).st_size
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(length)
            raise


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(folder: Path, trash: Path) -> None:
    """Remove a folder: out of sight by one rename, then its files at leisure."""
    trash.mkdir(exist_ok=True)
    moved = trash / f"{folder.name}-{uuid4().hex}"
    os.rename(folder, moved)
    shutil.rmtree(moved, ignore_errors=True)
