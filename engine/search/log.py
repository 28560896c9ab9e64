"""What a search has done so far, on the disk: nothing that it finished is lost when it is killed.

    searches/<key>/search.json      what was asked
    searches/<key>/proposals.jsonl  what it proposed, a line each
    searches/<key>/trials.jsonl     what that came to, a line each
    searches/<key>/over             nothing: it is there once nothing more is to be proposed
    searches/<key>.lock             held while the search goes on

The runs themselves are in the run store, beside this.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from engine.runs import disk
from engine.runs.errors import StoreError, explained
from engine.runs.lock import acquire, is_held, owner
from engine.search.question import SearchSpec
from engine.search.trial import Proposal, Trial
from engine.spec import SpecError, canonical, dumps, loads

Line = TypeVar("Line", Proposal, Trial)

SEARCH, PROPOSALS, TRIALS, OVER = "search.json", "proposals.jsonl", "trials.jsonl", "over"


class SearchLog:
    """A search's folder in a store.

    Args:
        spec: The search.
        store: The run store's folder.

    Raises:
        StoreError: From any call, if the folder cannot be read or written.
    """

    def __init__(self, spec: SearchSpec, store: Path) -> None:
        self.spec = spec
        self.folder = store / "searches" / spec.key

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Let this process alone add to it while the block runs.

        Raises:
            StoreError: If another process is at it.
        """
        lock = None
        with explained(f"begin search {self.spec.key[:12]}", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = acquire(self._lock, 0)
            if lock is not None:
                lock.sign()
                if not (self.folder / SEARCH).exists():
                    disk.write_text(self.folder / SEARCH, dumps(self.spec))
                for name in (PROPOSALS, TRIALS):
                    _mend(self.folder / name)
        if lock is None:
            who = owner(self._lock) or "another process"
            raise StoreError(f"Search {self.spec.key[:12]} is already going on, by {who}.")
        try:
            yield
        finally:
            lock.release()

    @property
    def is_going_on(self) -> bool:
        """Whether a process is at it."""
        return is_held(self._lock)

    @property
    def is_over(self) -> bool:
        """Whether it spent its budget."""
        return (self.folder / OVER).exists()

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """What it has proposed so far."""
        return self._read(Proposal, PROPOSALS)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What is known of its proposals so far, in the order in which it became known."""
        return self._read(Trial, TRIALS)

    def add(self, line: Proposal | Trial) -> None:
        """Write down a proposal, or what one came to; other processes see it at once."""
        name = PROPOSALS if isinstance(line, Proposal) else TRIALS
        with explained(f"write {name} of search {self.spec.key[:12]}", self.folder):
            disk.append(self.folder / name, f"{canonical(line)}\n".encode())
            disk.sync(self.folder / name)

    def end(self) -> None:
        """Write down that nothing more is to be proposed."""
        with explained(f"end search {self.spec.key[:12]}", self.folder):
            disk.write_text(self.folder / OVER, "")

    @property
    def _lock(self) -> Path:
        return self.folder.with_suffix(".lock")

    def _read(self, kind: type[Line], name: str) -> tuple[Line, ...]:
        with explained(f"read search {self.spec.key[:12]}", self.folder):
            try:
                text = (self.folder / name).read_text(encoding="utf-8")
            except FileNotFoundError:
                return ()
        lines = []
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):  # it is being written
                break
            try:
                lines.append(loads(kind, line))
            except SpecError as error:
                raise StoreError(f"{self.folder / name} cannot be read: {error}") from None
        return tuple(lines)


def searches(store: Path) -> tuple[SearchLog, ...]:
    """Return the logs of a store's searches, the newest first; what cannot be read is left out.

    Args:
        store: The run store's folder.
    """
    found = []
    for file in (store / "searches").glob(f"*/{SEARCH}"):
        try:
            log = SearchLog(loads(SearchSpec, file.read_text(encoding="utf-8")), store)
            found.append((os.stat(file).st_mtime_ns, log))
        except (OSError, SpecError):
            continue
    return tuple(log for _, log in sorted(found, key=lambda pair: pair[0], reverse=True))


def _mend(file: Path) -> None:
    """Cut off a line that a process died writing."""
    if file.exists():
        whole = file.read_bytes()
        kept = whole.rpartition(b"\n")[0]
        os.truncate(file, len(kept) + 1 if kept else 0)
