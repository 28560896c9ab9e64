"""The store: begins runs, finds and lists them, and settles those whose process died."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from engine.runs.errors import (
    AlreadyFinished,
    AlreadyRunning,
    CorruptRun,
    NewerRun,
    StoreError,
    explained,
)
from engine.runs.pending import PendingRun
from engine.runs.record import Run, Status
from engine.runs.shelf import KEY, Shelf
from engine.runs.summary import RunSummary
from engine.spec import RunSpec

log = logging.getLogger(__name__)

BRIEF_S = 0.5
"""Longer than a reader, or `RunStore.reap`, holds a lock."""


def store_folder() -> Path:
    """Return where a person's store is: ``GRAPHBITS_STORE``, else the user's data folder."""
    if given := os.environ.get("GRAPHBITS_STORE"):
        return Path(given).expanduser()
    from platformdirs import user_data_dir  # only a store without a folder needs it

    return Path(user_data_dir("graphbits", appauthor=False)) / "store"


class RunStore:
    """Runs in a folder, shared by any number of processes and threads.

    A run that ended appears whole or not at all. A spec is run by one process at a time. A run
    whose process died is seen at once, since its lock is free, and blocks nothing. Whatever is
    wrong with one run, or with the index, leaves the others readable.

    Args:
        folder: The store's folder, made when first written; None for `store_folder`.
        shipped: Folders of read-only stores that are read too, after this one.
        read_only: Never write, not even an index.

    Raises:
        StoreError: From any call, if the folder cannot be read or written.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        shipped: Sequence[Path] = (),
        read_only: bool = False,
    ) -> None:
        self.folder = store_folder() if folder is None else Path(folder)
        self._own = Shelf(self.folder, read_only=read_only)
        self._shipped = tuple(Shelf(Path(path), read_only=True) for path in shipped)

    def __repr__(self) -> str:
        return f"RunStore({str(self.folder)!r})"

    def begin(self, spec: RunSpec, *, timeout_s: float = BRIEF_S) -> PendingRun:
        """Begin a run; whatever is left of an earlier one that did not finish is replaced.

        Args:
            spec: What to run.
            timeout_s: How long to wait for another process that runs the same spec. When it
                finishes, its run answers; when it ends otherwise, this one takes over.

        Raises:
            AlreadyRunning: If another process still runs it after ``timeout_s``.
            AlreadyFinished: If the store, or a shipped one, answers the spec.
            NewerRun: If a newer graphbits wrote a run of this spec.
        """
        key, own = spec.key, self._own
        doing = f"begin run {key[:12]}"
        own.check_writable(doing)
        with explained(doing, self.folder):
            lock = own.lock(key, timeout_s)
            try:
                own.settle(key)
                if run := self.answer(key):
                    raise AlreadyFinished(run)
                lock.sign()
                return PendingRun(spec, own.place(key), lock, lambda: own.publish(key))
            except BaseException:
                lock.release()
                raise

    def adopt(self, key: str, packed: bytes, *, timeout_s: float = BRIEF_S) -> Run:
        """Keep a run that was carried out elsewhere; where the store answers its spec, that stays.

        Args:
            key: The key of its spec.
            packed: The run, as `pack` gives it.
            timeout_s: How long to wait for another process that runs the same spec here.

        Raises:
            AlreadyRunning: If another process still runs it after ``timeout_s``.
            NotPacked: If the bytes are no packed run.
            CorruptRun: If they are not the run of that key, whole.
            NewerRun: If a newer graphbits wrote it, or a run of this spec.
        """
        check_key(key)
        own = self._own
        doing = f"keep run {key[:12]}"
        own.check_writable(doing)
        with explained(doing, self.folder):
            lock = own.lock(key, timeout_s)
            try:
                own.settle(key)
                if run := self.answer(key):
                    return run
                lock.sign()
                own.bring(key, packed)
                return own.publish(key)
            finally:
                lock.release()

    def find(self, key: str) -> Run | None:
        """Return a key's run: finished, else going on, else what is left; None if there is none.

        Raises:
            ValueError: If the key is not one.
            CorruptRun: If there is nothing but a run that cannot be read.
            NewerRun: If a newer graphbits wrote it.
        """
        check_key(key)
        unfinished: Run | None = None
        trouble: StoreError | None = None
        for shelf in (self._own, *self._shipped):
            try:
                run = shelf.read(key)
            except StoreError as error:
                trouble = trouble or error
                continue
            if run and run.status == "finished":
                return run
            unfinished = unfinished or run
        if trouble and not unfinished:
            raise trouble
        return unfinished

    def answer(self, key: str) -> Run | None:
        """Return the finished run of a spec's key; None if there is none, or it is corrupt.

        Raises:
            ValueError: If the key is not one.
            NewerRun: If a newer graphbits wrote it.
        """
        try:
            run = self.find(key)
        except CorruptRun as error:
            log.warning("%s", error)
            return None
        return run if run and run.status == "finished" else None

    def list(
        self,
        *,
        graph: str | None = None,
        status: Status | None = None,
        limit: int | None = None,
    ) -> tuple[RunSummary, ...]:
        """Return summaries of the runs, newest first, unreadable ones among them.

        Args:
            graph: Only of this graph.
            status: Only of this status.
            limit: At most so many.
        """
        chosen: dict[str, RunSummary] = {}
        for shelf in (self._own, *self._shipped):
            for row in shelf.summaries(graph, status, limit):
                own = chosen.get(row.key)
                if own is None or (own.status != "finished" and row.status == "finished"):
                    chosen[row.key] = row if shelf is self._own else replace(row, shipped=True)
        newest = sorted(chosen.values(), key=lambda row: row.created, reverse=True)
        return tuple(newest[:limit])

    def delete(self, key: str) -> None:
        """Remove a run, whatever its state; nothing happens where there is none.

        Raises:
            ValueError: If the key is not one.
            AlreadyRunning: If it is going on.
            StoreError: If it lies in a shipped store.
        """
        check_key(key)
        doing = f"delete run {key[:12]}"
        with explained(doing, self.folder):
            holder = next((s for s in (self._own, *self._shipped) if s.holds(key)), None)
            if holder is None:
                return
            holder.check_writable(doing)
            lock = holder.lock(key, BRIEF_S)
            try:
                holder.discard(key)
            finally:
                lock.release()

    def reap(self) -> tuple[str, ...]:
        """Settle the runs whose process died, and empty the trash.

        A run that had been recorded in full keeps how it ended; any other becomes ``killed``.

        Returns:
            Their keys.
        """
        own = self._own
        own.check_writable("settle killed runs")
        settled = []
        with explained("settle killed runs", self.folder):
            for key in own.left():
                try:
                    lock = own.lock(key, 0)
                except AlreadyRunning:
                    continue
                try:
                    if own.settle(key):
                        settled.append(key)
                except NewerRun as error:
                    log.warning("%s", error)
                finally:
                    lock.release()
            own.empty_trash()
        return tuple(settled)


def check_key(key: str) -> None:
    """Refuse anything but a spec's key, which names folders.

    Raises:
        ValueError: If it is not one.
    """
    if not KEY.fullmatch(key):
        raise ValueError(f"key: got {key!r}, accepts 64 hexadecimal digits")
