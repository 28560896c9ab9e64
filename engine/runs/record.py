"""One run's folder and the value read from it.

    spec.json      what was asked for
    epochs.jsonl   one line an epoch, appended while the run is going
    arrays.npz     per-node arrays
    <name>         files the run kept, such as program.npz
    record.json    how the run ended, its metrics, and every other file's length in bytes

The record is written last: a folder that has one is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, get_args

from engine.runs.arrays import ARRAYS, Arrays
from engine.runs.disk import PART
from engine.runs.errors import CorruptRun, NewerRun, StoreError, explained
from engine.runs.json import from_json
from engine.spec import RunSpec, SpecError, decode, encode, loads
from engine.spec.errors import check_choice, check_instance, check_integer, check_real

SCHEMA = 1
"""Counts up when a run's folder changes so that older code would misread it."""

SPEC = "spec.json"
EPOCHS = "epochs.jsonl"
RECORD = "record.json"

Status = Literal[
    "running", "finished", "cancelled", "diverged", "failed", "killed", "corrupt", "newer"
]
"""``corrupt`` and ``newer`` are for runs that cannot be read; only ``finished`` answers a spec."""

STATUSES: tuple[Status, ...] = get_args(Status)
ENDINGS = ("finished", "cancelled", "diverged", "failed", "killed")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Record:
    """What record.json holds.

    Args:
        schema: The schema it was written in.
        status: How the run ended.
        note: The same, a sentence.
        created: When it began, ISO 8601 in UTC.
        seconds: How long it took.
        epochs: Number of lines in epochs.jsonl.
        metrics: As JSON data, numbers that JSON lacks spelled.
        files: Length in bytes of every other file.

    Raises:
        SpecError: Naming the invalid field.
    """

    schema: int
    status: str
    note: str
    created: str
    seconds: float
    epochs: int
    metrics: dict[str, Any]
    files: dict[str, int]

    def __post_init__(self) -> None:
        check_choice("status", self.status, ENDINGS)
        check_instance("note", self.note, str)
        check_instance("created", self.created, str)
        check_real("seconds", self.seconds, 0, float("inf"))
        check_integer("epochs", self.epochs, 0, 2**31)
        check_instance("metrics", self.metrics, dict)
        check_instance("files", self.files, dict)
        try:
            zone = datetime.fromisoformat(self.created).tzinfo
        except ValueError:
            zone = None
        if zone is None:
            raise SpecError("created", self.created, "a date and time with its zone, ISO 8601")

    def dumps(self) -> str:
        """Return the file's text."""
        return json.dumps(encode(self), indent=1, allow_nan=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A run as it stood when it was read; arrays and files are read when first asked for.

    Args:
        key: The spec's key.
        spec: What was asked for.
        status: ``running``, or how it ended.
        note: How it ended, a sentence; empty while it runs.
        created: When it began, in UTC.
        seconds: How long it took, or has taken until its last epoch.
        epochs: The record of each epoch.
        metrics: Nested dictionaries of numbers, strings and lists.
        files: Length in bytes of each file it keeps, by name; the arrays' among them.
        folder: Where it is.
        stamp: Tells the folder's record from one that replaces it; empty while there is none.
    """

    key: str
    spec: RunSpec
    status: Status
    note: str
    created: datetime
    seconds: float
    epochs: tuple[dict[str, Any], ...]
    metrics: dict[str, Any]
    files: Mapping[str, int]
    folder: Path
    stamp: str

    @cached_property
    def arrays(self) -> Arrays:
        """The run's arrays by name."""
        opened = partial(self.open, ARRAYS) if ARRAYS in self.files else None
        return Arrays(self.folder, opened)

    def open(self, name: str) -> BinaryIO:
        """Open one of the run's files for reading.

        Raises:
            StoreError: If there is no such file, or the run was replaced or deleted since it
                was found.
        """
        if name not in self.files:
            kept = ", ".join(self.files) or "none"
            raise StoreError(f"Run {self.key[:12]} keeps no file {name!r}; its files: {kept}.")
        with (
            explained(f"read {name}", self.folder),
            suppress(FileNotFoundError),
            ExitStack() as stack,
        ):
            file = stack.enter_context(open(self.folder / name, "rb"))
            if stamp(self.folder) == self.stamp:
                stack.pop_all()
                return file
        raise StoreError(
            f"Run {self.key[:12]} is no longer in {self.folder} as it was: it has moved on, was "
            "replaced or deleted. Find it again by its key."
        )


def stamp(folder: Path) -> str:
    """Return a text that changes whenever record.json is replaced; empty where there is none."""
    try:
        found = os.stat(folder / RECORD)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    return f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"


def lengths(folder: Path) -> dict[str, int]:
    """Return the length in bytes of each whole file in a run's folder, but record.json's."""
    with os.scandir(folder) as entries:
        return {
            entry.name: entry.stat().st_size
            for entry in sorted(entries, key=lambda entry: entry.name)
            if entry.name != RECORD and not entry.name.endswith(PART)
        }


def read_spec(folder: Path) -> RunSpec:
    """Read a folder's spec.

    Raises:
        FileNotFoundError: If there is none.
        CorruptRun: If it is not the spec of the folder's key.
    """
    try:
        spec = loads(RunSpec, (folder / SPEC).read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorruptRun(folder, f"{SPEC} cannot be read ({error})") from error
    if spec.key != folder.name:
        raise CorruptRun(folder, f"{SPEC} has the key {spec.key[:12]}")
    return spec


def read_record(folder: Path) -> Record:
    """Read how a run ended, and see that every file it lists is there with its length.

    Raises:
        FileNotFoundError: If there is no record.
        CorruptRun: If it cannot be read, or a file is missing or has another length.
        NewerRun: If its schema is not known.
    """
    try:
        data = json.loads((folder / RECORD).read_bytes())
        schema = data["schema"]
        check_integer("schema", schema, 1, 2**31)
        if schema > SCHEMA:
            raise NewerRun(folder, schema, SCHEMA)
        record = decode(Record, data)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise CorruptRun(folder, f"{RECORD} cannot be read ({error})") from error
    found = lengths(folder)
    for name, length in record.files.items():
        if found.get(name) != length:
            got = f"has {found[name]} bytes" if name in found else "is missing"
            raise CorruptRun(folder, f"{name} {got}, of {length}")
    return record


def read_epochs(folder: Path) -> tuple[dict[str, Any], ...]:
    """Read the epoch records, up to the first line that is torn or still being written.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    epochs = []
    for line in (folder / EPOCHS).read_bytes().splitlines(keepends=True):
        try:
            epoch = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            break
        if not isinstance(epoch, dict):
            break
        epochs.append(from_json(epoch))
    return tuple(epochs)


def read_ended(folder: Path) -> Run:
    """Read a run that has its record.

    Raises:
        FileNotFoundError: If the folder, or a file of it, is not there.
        CorruptRun: If it does not hold what it should.
        NewerRun: If its schema is not known.
    """
    seen = stamp(folder)
    spec, record, epochs = read_spec(folder), read_record(folder), read_epochs(folder)
    if len(epochs) != record.epochs:
        raise CorruptRun(folder, f"{EPOCHS} has {len(epochs)} good lines, of {record.epochs}")
    status: Status = record.status  # type: ignore[assignment]  # checked to be an ending
    return Run(
        key=folder.name,
        spec=spec,
        status=status,
        note=record.note,
        created=datetime.fromisoformat(record.created),
        seconds=record.seconds,
        epochs=epochs,
        metrics=from_json(record.metrics),
        files=kept(record.files),
        folder=folder,
        stamp=seen,
    )


def read_live(folder: Path, status: Literal["running", "killed"], note: str) -> Run:
    """Read a run that has no record yet.

    Raises:
        FileNotFoundError: If the folder, or a file of it, is not there.
        CorruptRun: If its spec cannot be read.
    """
    began = os.stat(folder / SPEC).st_mtime
    return Run(
        key=folder.name,
        spec=read_spec(folder),
        status=status,
        note=note,
        created=datetime.fromtimestamp(began, UTC),
        seconds=max(0.0, os.stat(folder / EPOCHS).st_mtime - began),
        epochs=read_epochs(folder),
        metrics={},
        files=kept(lengths(folder)),
        folder=folder,
        stamp="",
    )


def kept(files: Mapping[str, int]) -> dict[str, int]:
    """Return the files that are the run's own, not the store's."""
    return {name: size for name, size in files.items() if name not in (SPEC, EPOCHS)}
