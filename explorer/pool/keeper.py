"""Keeps a pool for several processes: starts it, and starts another one when it ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from explorer.packaged import python_path

AGAIN_AFTER_S = 1.0
ENDS_WITHIN_S = 15.0


class Keeper:
    """A context in which a pool listens at an address, whatever befalls one of its processes.

    Args:
        address: The Unix socket to make, in a folder of this person's own.
        store: Folder of the run store that is written to.
        shipped: Read-only stores that answer too.
        bounds: File of the bounds.
        cluster: Address of the scheduler of a Dask cluster that trains; None for this machine.
    """

    def __init__(
        self,
        address: Path,
        store: Path,
        shipped: Sequence[Path] = (),
        bounds: Path | None = None,
        cluster: str | None = None,
    ) -> None:
        self._address = address
        self._command = [sys.executable, "-m", "explorer.pool", "--listen", str(address)]
        self._command += ["--store", str(store)]
        for folder in shipped:
            self._command += ["--shipped", str(folder)]
        self._command += [] if bounds is None else ["--bounds", str(bounds)]
        self._command += [] if cluster is None else ["--cluster", cluster]
        self._environment = {**os.environ, "PYTHONPATH": python_path()}
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def __enter__(self) -> Keeper:
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        until = time.monotonic() + ENDS_WITHIN_S
        while self._thread.is_alive() and self._process is not None:
            self._close_input(self._process)
            if time.monotonic() > until:
                self._process.kill()
            self._thread.join(0.1)

    def _start(self) -> None:
        self._address.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, env=self._environment
        )

    def _keep(self) -> None:
        while self._process is not None:
            code = self._process.wait()
            self._close_input(self._process)
            if self._ending.is_set():
                return
            print(f"The pool of workers ended ({code}); another is started.", file=sys.stderr)
            if self._ending.wait(AGAIN_AFTER_S):
                return
            self._start()

    def _close_input(self, process: subprocess.Popen[bytes]) -> None:
        """Have a pool end, or let go of the pipe of one that has."""
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
