"""An index of a store's ended runs: a cache that can always be made again from their folders.

Each row carries the stamp of the record it was made from, so a row that fell behind is seen and
replaced; deleting the file costs time, never a run.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from engine.runs.summary import RunSummary, dumps, loads

Result = TypeVar("Result")

BUSY_MS = 5000
BETWEEN_TRIES_S = 0.01
REBUILT = (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Result codes that say the file itself is wrong, not the moment or the place."""

TABLE = """
create table if not exists runs (
    key text primary key, stamp text, graph text, status text, created real, summary text
)
"""


class IndexTrouble(Exception):
    """The index's file cannot be used: read-only folder, full disk, locked too long."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A run's summary with the stamp of the record it was made from."""

    stamp: str
    summary: RunSummary


class Index(Protocol):
    """Rows by key."""

    def stamps(self) -> dict[str, str]:
        """Return each row's stamp by key."""

    def replace(self, stale: Mapping[str, str | None], rows: Iterable[Row]) -> None:
        """Remove the stale rows, then add rows where there is none.

        Args:
            stale: Key to the stamp that was seen; a row that has another by now stays. None
                removes any.
            rows: New rows.
        """

    def select(
        self, *, graph: str | None, status: str | None, limit: int | None
    ) -> list[RunSummary]:
        """Return the newest summaries first, of a graph, of a status, at most ``limit``."""


class MemoryIndex:
    """An index that lives as long as its process; for a store that cannot be written."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def stamps(self) -> dict[str, str]:
        """Return each row's stamp by key."""
        return {key: row.stamp for key, row in self._rows.copy().items()}

    def replace(self, stale: Mapping[str, str | None], rows: Iterable[Row]) -> None:
        """Remove the stale rows, then add rows where there is none."""
        for key, seen in stale.items():
            row = self._rows.get(key)
            if row and seen in (None, row.stamp):
                self._rows.pop(key, None)
        for row in rows:
            self._rows.setdefault(row.summary.key, row)

    def select(
        self, *, graph: str | None, status: str | None, limit: int | None
    ) -> list[RunSummary]:
        """Return the newest summaries first, of a graph, of a status, at most ``limit``."""
        found = [
            row.summary
            for row in self._rows.copy().values()
            if graph in (None, row.summary.graph) and status in (None, row.summary.status)
        ]
        return sorted(found, key=lambda summary: summary.created, reverse=True)[:limit]


class FileIndex:
    """An index in an SQLite file (WAL) that many processes share.

    Every call opens the file, does one short transaction and closes it, under a shared lock; a
    file that turns out to be no index is made again under an exclusive one.

    Args:
        path: The file.

    Raises:
        IndexTrouble: From any call, if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def stamps(self) -> dict[str, str]:
        """Return each row's stamp by key."""
        return self._do(lambda db: dict(db.execute("select key, stamp from runs")))

    def replace(self, stale: Mapping[str, str | None], rows: Iterable[Row]) -> None:
        """Remove the stale rows, then add rows where there is none."""
        removed = [(key, seen, seen) for key, seen in stale.items()]
        added = [
            (
                row.summary.key,
                row.stamp,
                row.summary.graph,
                row.summary.status,
                row.summary.created.timestamp(),
                dumps(row.summary),
            )
            for row in rows
        ]

        def write(db: sqlite3.Connection) -> None:
            db.execute("begin immediate")
            db.executemany("delete from runs where key = ? and (? is null or stamp = ?)", removed)
            db.executemany("insert or ignore into runs values (?, ?, ?, ?, ?, ?)", added)
            db.execute("commit")

        if removed or added:
            self._do(write)

    def select(
        self, *, graph: str | None, status: str | None, limit: int | None
    ) -> list[RunSummary]:
        """Return the newest summaries first, of a graph, of a status, at most ``limit``."""
        query = """
            select summary from runs
            where (:graph is null or graph = :graph) and (:status is null or status = :status)
            order by created desc limit :limit
        """
        given = {"graph": graph, "status": status, "limit": -1 if limit is None else limit}
        return self._do(lambda db: [loads(text) for (text,) in db.execute(query, given)])

    def _do(self, operation: Callable[[sqlite3.Connection], Result]) -> Result:
        until = time.monotonic() + BUSY_MS / 1000
        while True:
            try:
                return self._repaired(operation)
            except (sqlite3.Error, ValueError, OSError) as error:
                # While another process opens or closes the log, SQLite does not wait by itself.
                busy = isinstance(error, sqlite3.Error) and _code(error) == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > until:
                    raise IndexTrouble(f"{self._path} cannot be used: {error}") from error
            time.sleep(BETWEEN_TRIES_S)

    def _repaired(self, operation: Callable[[sqlite3.Connection], Result]) -> Result:
        try:
            return self._once(operation)
        except (sqlite3.DatabaseError, ValueError) as error:
            if isinstance(error, sqlite3.Error) and _code(error) not in REBUILT:
                raise
            self._remove()
            return self._once(operation)

    def _once(self, operation: Callable[[sqlite3.Connection], Result]) -> Result:
        with self._locked(fcntl.LOCK_SH), closing(self._connect()) as db:
            return operation(db)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None)
        try:
            if db.execute("pragma journal_mode = wal").fetchone() != ("wal",):
                raise sqlite3.OperationalError("the file system has no write-ahead log")
            db.execute("pragma synchronous = normal")
            db.execute(TABLE)
        except BaseException:
            db.close()
            raise
        return db

    def _remove(self) -> None:
        with self._locked(fcntl.LOCK_EX):
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    @contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        descriptor = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, kind)
            yield
        finally:
            os.close(descriptor)


def _code(error: sqlite3.Error) -> int:
    """Return an error's primary result code; 0 where it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
