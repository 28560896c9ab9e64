"""The lock of a run: an open file that the operating system lets go of when its process ends.

It needs no clock and no process id to be trusted: a lock that nobody holds means that whoever
held it is gone. POSIX only (flock).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakSet

POLL_S = 0.02


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Who holds a lock; for people to read, never to decide by.

    Args:
        pid: Process id on its host.
        host: Name of the machine.
        since: When it took the lock, ISO 8601 in UTC.
    """

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class RunLock:
    """A held lock; made by `acquire`.

    Args:
        path: The lock's file.
        descriptor: The open file that holds it.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        _held.add(self)

    def __del__(self) -> None:
        self._close()

    @property
    def is_held(self) -> bool:
        """Whether this process still holds it: not after `release`, nor in a forked child."""
        return self._descriptor >= 0

    def sign(self) -> None:
        """Write into the lock's file who holds it."""
        owner = Owner(
            pid=os.getpid(),
            host=socket.gethostname(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, json.dumps(asdict(owner)).encode(), 0)

    def release(self) -> None:
        """Remove the lock's file and let go."""
        if self.is_held:
            with suppress(OSError):
                self.path.unlink()
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: WeakSet[RunLock] = WeakSet()


def _close_in_child() -> None:
    """Let a forked child not keep its parent's locks alive."""
    for lock in _held:
        lock._close()


os.register_at_fork(after_in_child=_close_in_child)


def acquire(path: Path, timeout_s: float) -> RunLock | None:
    """Take a lock, waiting for it at most ``timeout_s``.

    Returns:
        The lock, or None if another holds it all the while.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return RunLock(path, descriptor)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(POLL_S)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether anybody, this process included, holds the lock."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if _is_at(path, descriptor):
                return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)


def owner(path: Path) -> Owner | None:
    """Return who signed the lock last; None if nobody has, or not in full."""
    try:
        return Owner(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether the path still names the open file, which a `release` may have removed."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
