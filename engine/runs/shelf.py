"""One folder of runs, as it lies on the disk: where each is, and how it moves when it ends.

    runs/<key>/           runs that ended; a folder comes and goes by one rename
    running/<key>/        runs going on, or left by a process that died
    running/<key>.lock    held as long as the run is going on
    trash/                folders on their way out
    index-1.sqlite        a cache of runs/ for quick lists

Two processes may look and move at once. Whoever moves a run holds its lock; whoever looks holds
nothing, and looks again before it believes that a folder is broken.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from re import compile as pattern
from typing import TypeVar

from engine.runs import disk
from engine.runs.errors import AlreadyRunning, CorruptRun, NewerRun, StoreError, explained
from engine.runs.index import FileIndex, Index, IndexTrouble, MemoryIndex, Row
from engine.runs.lock import RunLock, acquire, is_held, owner
from engine.runs.packed import unpack
from engine.runs.record import (
    RECORD,
    SCHEMA,
    Record,
    Run,
    lengths,
    read_ended,
    read_live,
    stamp,
)
from engine.runs.summary import RunSummary, summarize

Result = TypeVar("Result")

log = logging.getLogger(__name__)

KEY = pattern(r"[0-9a-f]{64}")

ATTEMPTS = 4
"""Readings of a folder before it is believed to be broken, not just being replaced."""


class Shelf:
    """The runs of one folder.

    Args:
        folder: The folder; it need not exist.
        read_only: Keep the index in memory, so that reading never writes.

    Raises:
        StoreError: From any call, if the folder cannot be read or written.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self.read_only = read_only
        self._ended = folder / "runs"
        self._running = folder / "running"
        self._trash = folder / "trash"
        file = folder / f"index-{SCHEMA}.sqlite"
        self._index: Index = MemoryIndex() if read_only else FileIndex(file)

    def read(self, key: str) -> Run | None:
        """Return the run of a key, in whatever state.

        Raises:
            CorruptRun: If it cannot be read.
            NewerRun: If a newer graphbits wrote it.
        """
        with explained(f"read run {key[:12]}", self.folder):
            trouble: StoreError | None = None
            for _ in range(ATTEMPTS):
                try:
                    return self._read_running(key) or read_ended(self._ended / key)
                except FileNotFoundError as error:
                    if (self._ended / key).exists():
                        name = Path(error.filename).name
                        trouble = CorruptRun(self._ended / key, f"{name} is missing")
                    elif (self._running / key).exists():
                        trouble = None  # it has no spec yet, or is just moving
                    else:
                        return None
                except CorruptRun as error:
                    trouble = error
            if trouble:
                self._with_index(lambda index: index.replace({key: None}, ()))
                raise trouble
            return None

    def summaries(
        self, graph: str | None, status: str | None, limit: int | None
    ) -> list[RunSummary]:
        """Return summaries of a graph, of a status, the newest ``limit`` and perhaps more."""
        with explained("list the runs", self.folder):
            live = {}
            for key in _keys(self._running):
                try:
                    with explained(f"read run {key[:12]}", self.folder):
                        run = self._read_running(key)
                except StoreError as error:
                    live[key] = _unreadable(self._running / key, error)
                else:
                    if run:
                        live[key] = summarize(run)
            most = None if limit is None else limit + len(live)
            ended = self._with_index(lambda index: self._select(index, graph, status, most))
            # a run that ended while this was reading is in both
            live = {key: row for key, row in live.items() if (self._running / key).exists()}
        matching = [row for row in live.values() if _matches(row, graph, status)]
        return matching + [row for row in ended if row.key not in live]

    def holds(self, key: str) -> bool:
        """Return whether anything is there under a key."""
        return any((place / key).exists() for place in (self._ended, self._running))

    def check_writable(self, doing: str) -> None:
        """Refuse a read-only shelf.

        Raises:
            StoreError: If it is one.
        """
        if self.read_only:
            raise StoreError(f"Could not {doing} in {self.folder}: this store is only for reading.")

    def lock(self, key: str, timeout_s: float) -> RunLock:
        """Take a run's lock, making the folders on the way.

        Raises:
            AlreadyRunning: If another holds it all the while.
        """
        for place in (self._ended, self._running, self._trash):
            place.mkdir(parents=True, exist_ok=True)
        lock = acquire(self._lock_file(key), timeout_s)
        if lock is None:
            raise AlreadyRunning(key, owner(self._lock_file(key)))
        return lock

    def place(self, key: str) -> Path:
        """Return a new empty folder for a run to be going on in; its lock must be held."""
        folder = self._running / key
        folder.mkdir()
        return folder

    def bring(self, key: str, packed: bytes) -> None:
        """Put a packed run, seen to be whole, where runs are going on; its lock must be held.

        Raises:
            NotPacked: If the bytes are none.
            CorruptRun: If they are not the run of that key, whole.
            NewerRun: If a newer graphbits wrote it.
        """
        folder = self.place(key)
        try:
            unpack(packed, folder)
            read_ended(folder)
        except BaseException as error:
            disk.discard(folder, self._trash)
            if isinstance(error, FileNotFoundError):
                raise CorruptRun(folder, f"{Path(error.filename).name} is missing") from None
            raise

    def publish(self, key: str) -> Run:
        """Move a recorded run to those that ended; its lock must be held."""
        source, target = self._running / key, self._ended / key
        disk.sync(source)
        if target.exists():
            disk.discard(target, self._trash)
        os.rename(source, target)
        disk.sync(self._ended)
        disk.sync(self._running)
        run = read_ended(target)
        row = Row(run.stamp, summarize(run))
        self._with_index(lambda index: index.replace({key: None}, [row]))
        return run

    def discard(self, key: str) -> None:
        """Remove whatever is there under a key; its lock must be held."""
        for place in (self._running, self._ended):
            if (place / key).exists():
                disk.discard(place / key, self._trash)

    def settle(self, key: str) -> bool:
        """Publish what a dead process left of a run, or drop it where it is worth nothing.

        The run's lock must be held.

        Returns:
            Whether there was anything to publish.

        Raises:
            NewerRun: If a newer graphbits left it.
        """
        folder = self._running / key
        if not folder.exists():
            return False
        try:
            if (folder / RECORD).exists():
                read_ended(folder)
            else:
                self._record_killed(key)
            worth = self._may_be_replaced(key)
        except (FileNotFoundError, CorruptRun):  # it died before there was anything to keep
            worth = False
        if worth:
            self.publish(key)
        else:
            disk.discard(folder, self._trash)
        return worth

    def left(self) -> Sequence[str]:
        """Return the keys of runs that are going on or were left, a lock alone counting too."""
        names = {name.removesuffix(".lock") for name in _names(self._running)}
        return sorted(name for name in names if KEY.fullmatch(name))

    def empty_trash(self) -> None:
        """Remove what a process that died did not get round to removing."""
        for name in _names(self._trash):
            shutil.rmtree(self._trash / name, ignore_errors=True)

    def _lock_file(self, key: str) -> Path:
        return self._running / f"{key}.lock"

    def _read_running(self, key: str) -> Run | None:
        """Return the run of a key that is going on, or that a dead process left, if any."""
        folder = self._running / key
        try:
            while folder.exists():
                if is_held(self._lock_file(key)):
                    return read_live(folder, "running", "")
                if (folder / RECORD).exists():
                    return read_ended(folder)
                run = read_live(folder, "killed", self._killed_note(key))
                if not is_held(self._lock_file(key)):  # else it was begun again meanwhile
                    return run
        except FileNotFoundError:  # it has no spec yet, or has just ended
            pass
        return None

    def _record_killed(self, key: str) -> None:
        folder = self._running / key
        run = read_live(folder, "killed", self._killed_note(key))
        record = Record(
            schema=SCHEMA,
            status="killed",
            note=run.note,
            created=run.created.isoformat(),
            seconds=run.seconds,
            epochs=len(run.epochs),
            metrics={},
            files=lengths(folder),
        )
        disk.write_text(folder / RECORD, record.dumps())

    def _killed_note(self, key: str) -> str:
        signed = owner(self._lock_file(key))
        return f"Its process ended without a word{f' ({signed})' if signed else ''}."

    def _may_be_replaced(self, key: str) -> bool:
        """Return whether the ended run of a key, if any, may give way to an unfinished one."""
        try:
            return read_ended(self._ended / key).status != "finished"
        except (FileNotFoundError, CorruptRun):
            return True
        except NewerRun:
            return False

    def _select(
        self, index: Index, graph: str | None, status: str | None, limit: int | None
    ) -> list[RunSummary]:
        """Bring an index up to date with the folders, and select from it."""
        if not self._ended.exists():
            return []
        stamps = {key: stamp(self._ended / key) for key in _keys(self._ended)}
        known = index.stamps()
        rows, unreadable = [], []
        for key, now in stamps.items():
            if now and known.get(key) == now:
                continue
            try:
                run = self.read(key)
            except StoreError as error:
                unreadable.append(_unreadable(self._ended / key, error))
            else:
                if run and run.folder == self._ended / key:
                    rows.append(Row(run.stamp, summarize(run)))
        stale = {key: seen for key, seen in known.items() if stamps.get(key) != seen}
        index.replace(stale, rows)
        return index.select(graph=graph, status=status, limit=limit) + [
            row for row in unreadable if _matches(row, graph, status)
        ]

    def _with_index(self, operation: Callable[[Index], Result]) -> Result:
        """Do something with the index; where its file fails, with one in memory from now on."""
        try:
            return operation(self._index)
        except IndexTrouble as error:
            log.warning("%s. The runs are read from their folders instead.", error)
            self._index = MemoryIndex()
            return operation(self._index)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def _keys(folder: Path) -> list[str]:
    return [name for name in _names(folder) if KEY.fullmatch(name)]


def _matches(row: RunSummary, graph: str | None, status: str | None) -> bool:
    return graph in (None, row.graph) and status in (None, row.status)


def _unreadable(folder: Path, error: StoreError) -> RunSummary:
    changed = 0.0
    with suppress(OSError):
        changed = folder.stat().st_mtime
    return RunSummary(
        key=folder.name,
        status="newer" if isinstance(error, NewerRun) else "corrupt",
        note=str(error),
        created=datetime.fromtimestamp(changed, UTC),
        metrics={},
    )
