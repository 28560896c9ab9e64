"""A run as bytes, which travels where no disk is shared.

A line of JSON with the length of each file comes first, ``{"arrays.npz": 4096, …, "record.json":
512}``, then the files' bytes in that order.

Nothing in it is ever run: it holds JSON, and arrays that are read without pickle.
"""

from __future__ import annotations

import json
from pathlib import Path

from engine.runs import disk
from engine.runs.errors import StoreError, explained
from engine.runs.record import RECORD, Run, read_record, stamp


class NotPacked(ValueError):
    """Bytes are no packed run; the text says why."""


def pack(run: Run) -> bytes:
    """Return an ended run's folder as bytes.

    Raises:
        StoreError: If it cannot be read, or was replaced since it was found.
    """
    with explained(f"pack run {run.key[:12]}", run.folder):
        names = [*read_record(run.folder).files, RECORD]
        files = {name: (run.folder / name).read_bytes() for name in names}
        if stamp(run.folder) != run.stamp:
            raise StoreError(f"Run {run.key[:12]} was replaced while it was packed. Pack it again.")
    lengths = json.dumps({name: len(held) for name, held in files.items()})
    return b"".join((lengths.encode(), b"\n", *files.values()))


def unpack(packed: bytes, folder: Path) -> None:
    """Write a packed run's files into an empty folder, its record last.

    Raises:
        NotPacked: If the bytes are none; nothing is written then.
        OSError: If a file cannot be written.
    """
    head, _, rest = packed.partition(b"\n")
    lengths = _lengths(head, len(rest))
    place = 0
    for name, length in lengths.items():
        held = rest[place : place + length]
        disk.write(folder / name, lambda file, held=held: file.write(held))  # type: ignore[misc]
        place += length


def _lengths(head: bytes, whole: int) -> dict[str, int]:
    """Return the lengths in bytes that a first line states, by file.

    Raises:
        NotPacked: If it states none, or others than what follows it has.
    """
    try:
        lengths = json.loads(head)
    except (ValueError, RecursionError):
        lengths = None
    if not isinstance(lengths, dict) or list(lengths)[-1:] != [RECORD]:
        raise NotPacked("it does not begin with the lengths of a run's files")
    for name, length in lengths.items():
        if not name or name != Path(name).name or name.startswith(".") or "\0" in name:
            raise NotPacked(f"{name!r} is not a plain file name")
        if type(length) is not int or length < 0:
            raise NotPacked(f"{name} has the length {length!r}")
    if (stated := sum(lengths.values())) != whole:
        raise NotPacked(f"it holds {whole} bytes of files, and states {stated}")
    return lengths
