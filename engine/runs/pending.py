"""A run that is going on: it alone writes in its folder, until it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal

from numpy.typing import NDArray

from engine.runs import disk
from engine.runs.arrays import ARRAYS, write_arrays
from engine.runs.errors import StoreError, explained
from engine.runs.json import to_json
from engine.runs.lock import RunLock
from engine.runs.record import EPOCHS, RECORD, SCHEMA, SPEC, Record, Run, lengths
from engine.spec import RunSpec, dumps

Ending = Literal["finished", "cancelled", "diverged", "failed"]


class PendingRun:
    """A run that has begun; `RunStore.begin` makes it, for one thread of one process.

    As a context manager it ends a run whose block ends early: ``failed`` on an exception,
    ``cancelled`` on KeyboardInterrupt, GeneratorExit or SystemExit.

    Args:
        spec: What is being run.
        folder: The run's folder while it is going on, with nothing in it.
        lock: Held on the spec's key.
        publish: Moves the folder, its record written, to where runs that ended are kept.

    Raises:
        StoreError: From any call that cannot write, or after the run has ended.
    """

    def __init__(
        self, spec: RunSpec, folder: Path, lock: RunLock, publish: Callable[[], Run]
    ) -> None:
        self.spec = spec
        self.key = spec.key
        self._folder = folder
        self._lock = lock
        self._publish = publish
        self._created = datetime.now(UTC)
        self._start = time.monotonic()
        self._epochs = 0
        self._recorded = False
        with explained(f"begin run {self.key[:12]}", folder):
            disk.write_text(folder / EPOCHS, "")
            disk.write_text(folder / SPEC, dumps(spec))

    def __enter__(self) -> PendingRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._lock.is_held:
            return
        try:
            if self._recorded:
                return
            if error is None:
                self.failed("The run's code ended without saying how the run did.")
            elif isinstance(error, Exception):
                self.failed(f"{type(error).__name__}: {error}")
            else:
                self.cancelled(f"Stopped by {type(error).__name__} after {self._epochs} epochs.")
        except StoreError as trouble:
            if error is None:
                raise
            error.add_note(f"The run's end could not be recorded either. {trouble}")
        finally:
            self._lock.release()

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Append an epoch's record; other processes see it at once.

        Args:
            record: Numbers, strings, lists and dictionaries of them; NaN and infinities too.

        Raises:
            ValueError: Naming an entry that is something else.
        """
        self._check()
        line = json.dumps(to_json(dict(record), "epoch"), allow_nan=False) + "\n"
        with explained(f"write epoch {self._epochs + 1} of run {self.key[:12]}", self._folder):
            disk.append(self._folder / EPOCHS, line.encode())
        self._epochs += 1

    def write(self, name: str, writer: Callable[[BinaryIO], None]) -> None:
        """Keep a file with the run; it is there whole or not at all.

        Args:
            name: Its name, for instance ``program.npz``; an older one is replaced.
            writer: Called once with the file, open for writing.

        Raises:
            ValueError: If the name is not a plain file name, or one of the store's own.
        """
        self._check()
        plain = name and name == Path(name).name and not name.startswith(".") and "\0" not in name
        if not plain or name in (SPEC, EPOCHS, ARRAYS, RECORD) or name.endswith(disk.PART):
            raise ValueError(f"name: got {name!r}, accepts a file name that the store does not use")
        self._write(name, writer)

    def finish(
        self,
        metrics: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]] | None = None,
        note: str = "",
    ) -> Run:
        """End the run with its result; from now on it answers its spec.

        Args:
            metrics: Nested dictionaries of numbers, strings and lists; NaN and infinities too.
            arrays: Per-node arrays by name; never objects.
            note: How it went, a sentence.

        Raises:
            ValueError: Naming an entry or array that cannot be kept; nothing is written then.
        """
        note = note or f"Finished after {self._epochs} epochs."
        return self._end("finished", note, metrics, arrays or {})

    def cancelled(
        self,
        note: str = "",
        metrics: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> Run:
        """End the run because somebody no longer wants it, with what it has."""
        note = note or f"Cancelled after {self._epochs} epochs."
        return self._end("cancelled", note, metrics or {}, arrays or {})

    def diverged(
        self,
        note: str,
        metrics: Mapping[str, Any] | None = None,
        arrays: Mapping[str, NDArray[Any]] | None = None,
    ) -> Run:
        """End the run because its numbers left all bounds, with what it has."""
        return self._end("diverged", note, metrics or {}, arrays or {})

    def failed(self, note: str) -> Run:
        """End the run because of an error, with what it has."""
        return self._end("failed", note, {}, {})

    def _end(
        self,
        status: Ending,
        note: str,
        metrics: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> Run:
        self._check()
        data = to_json(dict(metrics), "metrics")
        if arrays:
            self._write(ARRAYS, partial(write_arrays, arrays=arrays))
        with explained(f"record the end of run {self.key[:12]}", self._folder):
            disk.sync(self._folder / EPOCHS)
            record = Record(
                schema=SCHEMA,
                status=status,
                note=note,
                created=self._created.isoformat(),
                seconds=time.monotonic() - self._start,
                epochs=self._epochs,
                metrics=data,
                files=lengths(self._folder),
            )
            disk.write_text(self._folder / RECORD, record.dumps())
            self._recorded = True
            run = self._publish()
        self._lock.release()
        return run

    def _write(self, name: str, writer: Callable[[BinaryIO], None]) -> None:
        with explained(f"write {name} of run {self.key[:12]}", self._folder):
            disk.write(self._folder / name, writer)

    def _check(self) -> None:
        if self._recorded or not self._lock.is_held:
            raise StoreError(
                f"Run {self.key[:12]} takes nothing more: it has ended, or belongs to the process "
                "that this one was forked from. Begin it again."
            )
