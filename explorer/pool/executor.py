"""What carries out orders for a pool, and the one kind there is: a process on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from explorer.packaged import python_path

Event = Mapping[str, Any]
MOST_LINE_BYTES = 64 * 1024 * 1024


class Executor(Protocol):
    """Carries out one command of `engine.worker` at a time and tells its events.

    It tells ``ready`` when it can take a command, and ``ended`` with a ``note`` when it is no more;
    whether it trains itself, or hands its runs to a cluster, is its own affair.
    """

    @property
    def pid(self) -> int | None:
        """Its process, where it is one of this machine."""

    def take(self, command: Event) -> bool:
        """Return whether it took a command; one that has just ended does not."""

    def kill(self) -> None:
        """End it at once, whatever it is at."""

    def close(self) -> None:
        """Have it record what it is at as cancelled, and end."""


Hear = Callable[[Executor, Event], None]


class LocalWorker:
    """A worker process, started at once.

    Args:
        command: Starts it.
        threads: That it computes with, unless its environment says so.
        hear: Called with each of its events on the running asyncio loop.
    """

    def __init__(self, command: Sequence[str], threads: int, hear: Hear) -> None:
        self._hear = hear
        self._process: Process | None = None
        self._closed = False
        self._complaints: deque[str] = deque(maxlen=20)
        self._task = asyncio.get_running_loop().create_task(self._live(command, threads))

    @property
    def pid(self) -> int | None:
        """Its process id, once it has one."""
        return self._process.pid if self._process else None

    def take(self, command: Event) -> bool:
        """Return whether it took a command."""
        if self._process is None or self._process.returncode is not None:
            return False
        assert self._process.stdin is not None
        if self._process.stdin.is_closing():
            return False
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        return True

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def close(self) -> None:
        """Close its input, upon which it ends by itself."""
        self._closed = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def _live(self, command: Sequence[str], threads: int) -> None:
        counts = {"OMP_NUM_THREADS": str(threads), "NUMBA_NUM_THREADS": str(threads)}
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                limit=MOST_LINE_BYTES,
                env={**counts, **os.environ, "PYTHONPATH": python_path()},
            )
        except OSError as error:
            self._tell({"event": "ended", "note": f"it did not start: {error}"})
            return
        self._process = process
        if self._closed:
            self.close()
        assert process.stdout is not None
        complaining = asyncio.get_running_loop().create_task(self._read_complaints(process))
        async for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                self._complaints.append(line.decode(errors="replace").rstrip())
            else:
                self._tell(event)
        code = await process.wait()
        await complaining
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        last = next((line for line in reversed(self._complaints) if line.strip()), "no message")
        self._tell({"event": "ended", "note": how, "last": last})

    async def _read_complaints(self, process: Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            self._complaints.append(line.decode(errors="replace").rstrip())

    def _tell(self, event: Event) -> None:
        self._hear(self, event)
