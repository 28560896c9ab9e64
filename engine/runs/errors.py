"""What can go wrong with a store: each error says what failed, where, and what to do."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.runs.lock import Owner
    from engine.runs.record import Run

ELSEWHERE = "set GRAPHBITS_STORE to another folder"
ADVICE = {
    errno.ENOSPC: f"the disk is full. Free some space there, or {ELSEWHERE}.",
    errno.EDQUOT: f"your disk quota is used up. Free some space there, or {ELSEWHERE}.",
    errno.EROFS: f"the file system is read-only. Make it writable, or {ELSEWHERE}.",
    errno.EACCES: f"permission denied. Change the folder's permissions, or {ELSEWHERE}.",
    errno.EPERM: f"not permitted. Change the folder's permissions, or {ELSEWHERE}.",
    errno.ENOTDIR: f"a part of the path is a file, not a folder. Move it away, or {ELSEWHERE}.",
    errno.EEXIST: f"a file is in the place of a folder. Move it away, or {ELSEWHERE}.",
    errno.ENOLCK: f"the file system has no locks. For one that has, {ELSEWHERE}.",
    errno.ENOTSUP: f"the file system has no locks. For one that has, {ELSEWHERE}.",
}


class StoreError(OSError):
    """The store cannot do what was asked; the sentence says what, where, and what to do."""


class AlreadyRunning(StoreError):
    """Another process, or another part of this one, is running the same spec.

    Args:
        key: The run's key.
        owner: Who runs it; None where that could not be read.
    """

    def __init__(self, key: str, owner: Owner | None) -> None:
        who = f"by {owner}" if owner else "by another process"
        super().__init__(
            f"Run {key[:12]} is already running, {who}. Wait for it, or cancel it there."
        )
        self.key = key
        self.owner = owner

    def __reduce__(self) -> tuple[type[AlreadyRunning], tuple[Any, ...]]:
        return AlreadyRunning, (self.key, self.owner)


class AlreadyFinished(StoreError):
    """The store already answers the spec.

    Args:
        run: The answer.
    """

    def __init__(self, run: Run) -> None:
        super().__init__(
            f"Run {run.key[:12]} is already finished, in {run.folder}. "
            "Read it, or delete it to run it again."
        )
        self.run = run

    def __reduce__(self) -> tuple[type[AlreadyFinished], tuple[Any, ...]]:
        return AlreadyFinished, (self.run,)


class CorruptRun(StoreError):
    """A run's folder does not hold what it should; starting the run again replaces it.

    Args:
        folder: The run's folder.
        reason: What is wrong with it, a clause.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"Run {folder.name[:12]}, in {folder}, is corrupt: {reason}. "
            "Delete it, or run it again to replace it."
        )
        self.folder = folder
        self.reason = reason

    def __reduce__(self) -> tuple[type[CorruptRun], tuple[Any, ...]]:
        return CorruptRun, (self.folder, self.reason)


class NewerRun(StoreError):
    """A run was written by a newer graphbits; it is neither read nor replaced.

    Args:
        folder: The run's folder.
        schema: The schema it was written in.
        known: The newest schema that can be read.
    """

    def __init__(self, folder: Path, schema: int, known: int) -> None:
        super().__init__(
            f"Run {folder.name[:12]}, in {folder}, was written by a newer graphbits "
            f"(schema {schema}, this one reads up to {known}). Update graphbits, or {ELSEWHERE}."
        )
        self.folder = folder
        self.schema = schema
        self.known = known

    def __reduce__(self) -> tuple[type[NewerRun], tuple[Any, ...]]:
        return NewerRun, (self.folder, self.schema, self.known)


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `StoreError` with a sentence.

    Args:
        doing: What the block does, as in "could not …".
        path: Where.

    Raises:
        StoreError: In place of any other OSError.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, f"{error.strerror or error}.")
        raise StoreError(f"Could not {doing} in {path}: {advice}") from error
