"""The queue of runs as one explorer sees it; a pool in another process does them.

The pool is the server's, whose address the environment names, or else one of this process's own,
for one worker. It is started before it is needed; nothing here ever waits for it. When it dies, the
next one is asked for whatever was not over.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Literal

from engine.metrics.merit import ACCURACY, MERITS, Merit
from engine.runs import store_folder
from explorer.faults import guarded
from explorer.packaged import python_path
from explorer.pool.orders import Order, written

Status = Literal["waiting", "running", "finished", "cancelled", "diverged", "failed"]
POOL = "GRAPHBITS_POOL"
"""Names the Unix socket of the pool for the usual store."""
SILENT_AFTER_S = 15.0
AGAIN_AFTER_S = 0.5
"""How long to wait before the pool is looked for again."""
MAX_FAILED_STARTS = 3


@dataclass(kw_only=True, slots=True, eq=False)
class Job:
    """One run to train, graph to fetch, or search to carry out, and how far it is.

    Args:
        id: Its name on the wire.
        order: What is to be done.
        purpose: Why it was asked for, in a few words, for the queue.
        background: Whether nobody pressed a button for it, so that other jobs go first.
        status: Where it is.
        before: How many jobs, of others too, are done before it while it waits; None until known.
        planned: Epochs it will take, 0 until known.
        merit: What it is judged by, accuracy until known.
        epochs: One record for each epoch done: epoch, loss, train, validation, seconds_left.
        what: What a search is at, in a few words.
        share: Of its budget that a search has spent, 0 to 1.
        trials: Runs of a search whose results are known.
        note: The sentence it ended with, if it did not simply finish.
    """

    id: str
    order: Order
    purpose: str
    background: bool = False
    status: Status = "waiting"
    before: int | None = None
    planned: int = 0
    merit: Merit = ACCURACY
    epochs: list[dict[str, Any]] = field(default_factory=list)
    what: str = ""
    share: float = 0.0
    trials: int = 0
    note: str = ""
    cancelling: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in ("waiting", "running")

    @property
    def done(self) -> float:
        """Share of its epochs, or of a search's budget, that is done, 0 to 1."""
        if not self.epochs or not self.planned:
            return self.share
        return float(self.epochs[-1]["epoch"] / self.planned)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, None while unknown."""
        return self.epochs[-1]["seconds_left"] if self.epochs else None


class Jobs:
    """The jobs of this process, in the order in which they were asked for.

    Listeners are called on the thread that made this object: through its asyncio loop where one
    runs (a kernel), else whenever `poll` is called.

    Args:
        store_folder: Folder of the run store that the pool's workers write to.
        shipped: Read-only stores that answer a recipe too.
        pool: The socket of a pool that others use as well; None for one of its own.
        worker: Command that starts a worker of its own pool; empty for the usual one.
        cluster: Address of the scheduler of a Dask cluster that trains for its own pool.
    """

    _shared: ClassVar[dict[Path, Jobs]] = {}

    def __init__(
        self,
        store_folder: Path,
        shipped: Sequence[Path] = (),
        pool: Path | None = None,
        worker: Sequence[str] = (),
        cluster: str | None = None,
    ) -> None:
        self.jobs: list[Job] = []
        self.failure = ""
        self.pids: list[int] = []
        self._pool = pool
        self._command = [sys.executable, "-m", "explorer.pool", "--store", str(store_folder)]
        for folder in shipped:
            self._command += ["--shipped", str(folder)]
        self._command += [] if cluster is None else ["--cluster", cluster]
        self._worker = ["--", *worker] if worker else []
        self._listeners: list[Callable[[Job | None], None]] = []
        self._ids = count(1)
        self._received: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._ready = False
        self._heard = time.monotonic()
        self._socket: socket.socket | None = None
        self._connected = False
        self._closed = threading.Event()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._start()
        if self._loop is not None:
            self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)
        atexit.register(self.close)

    @classmethod
    def shared(cls, folder: Path, shipped: Sequence[Path] = ()) -> Jobs:
        """Return the one queue of this process for a store, started at the first call.

        The pool that the environment names is asked where the store is the usual one.
        """
        folder = folder.resolve()
        jobs = cls._shared.get(folder)
        if jobs is None or jobs._closed.is_set():
            named = os.environ.get(POOL)
            pool = Path(named) if named and folder == store_folder().resolve() else None
            jobs = cls._shared[folder] = cls(folder, shipped, pool)
        return jobs

    @property
    def running(self) -> Job | None:
        """The first job that a worker is at."""
        return next((job for job in self.jobs if job.status == "running"), None)

    @property
    def waiting(self) -> list[Job]:
        """The jobs not yet begun, in the order in which they will be."""
        waiting = (job for job in self.jobs if job.status == "waiting")
        return sorted(waiting, key=lambda job: job.background)

    @property
    def worker_state(self) -> str:
        """How the worker is, in a few words."""
        if self.failure:
            return "worker stopped"
        silent = time.monotonic() - self._heard
        if silent > SILENT_AFTER_S:
            return f"worker silent for {silent:.0f} s"
        if not self._ready:
            return "worker starting"
        if self.running:
            return "worker busy"
        first = next(iter(self.waiting), None)
        if first is None:
            return "worker ready"
        return f"worker busy, {first.before} before you" if first.before else "worker busy"

    def submit(self, order: Order, purpose: str, *, background: bool = False) -> Job:
        """Queue something to do; an order already waiting or running is joined, not doubled."""
        for job in self.jobs:
            if not job.is_over and not job.cancelling and job.order == order:
                if job.background and not background:
                    job.background = False
                    self._ask_for(job)
                return job
        job = Job(id=f"job-{next(self._ids)}", order=order, purpose=purpose, background=background)
        self.jobs.append(job)
        if self.failure and not self._connected:
            self._start()
        self.failure = ""
        self._ask_for(job)
        self._tell(job)
        return job

    def cancel(self, job: Job) -> None:
        """End a job: at once while it waits, between two steps while it runs."""
        if job.is_over or job.cancelling:
            return
        if job.status == "waiting":
            job.status, job.note = "cancelled", "Cancelled before it began."
        else:
            job.cancelling = True
        self._write(id=job.id, command="cancel")
        self._tell(job)

    def listen(self, listener: Callable[[Job | None], None]) -> None:
        """Call ``listener(job)`` at every change of a job, ``listener(None)`` of the worker."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Job | None], None]) -> None:
        """Call a listener no more; one that was never called is fine."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def poll(self) -> None:
        """Handle everything received so far."""
        while True:
            try:
                event = self._received.get_nowait()
            except queue.Empty:
                return
            if not self._closed.is_set():
                self._on_event(event)

    def close(self) -> None:
        """Leave the pool, which cancels what nobody else waits for; one of its own ends."""
        self._closed.set()
        atexit.unregister(self.close)
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _start(self) -> None:
        self.failure = ""
        self._heard = time.monotonic()
        threading.Thread(target=self._stay_connected, daemon=True).start()

    def _stay_connected(self) -> None:
        """Connect, pass on what the pool says, and connect again when it is gone."""
        silent_starts = 0
        while not self._closed.is_set():
            said = False
            try:
                with self._connection() as connection, connection.makefile("r") as lines:
                    self._socket = connection
                    self._post({"id": None, "event": "connected"})
                    if self._closed.is_set():
                        return
                    for line in lines:
                        self._post(json.loads(line))
                        said = True
            except (OSError, ValueError):  # a broken connection, or half a line
                pass
            finally:
                self._socket = None
            self._post({"id": None, "event": "lost"})
            silent_starts = 0 if said else silent_starts + 1
            if self._pool is None and silent_starts >= MAX_FAILED_STARTS:
                note = "The process that starts workers does not start; see the server's log."
                self._post({"id": None, "event": "pool", "ready": False, "note": note, "pids": []})
                return
            self._closed.wait(AGAIN_AFTER_S)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[socket.socket]:
        """Connect to the pool that others use as well, or to a new one of one's own."""
        if self._pool is not None:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(str(self._pool))
                yield connection
            return
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [*self._command, "--descriptor", str(theirs.fileno()), *self._worker],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "PYTHONPATH": python_path()},
                )
            try:
                yield ours
            finally:
                ours.close()
                process.wait()

    def _post(self, event: dict[str, Any]) -> None:
        self._received.put(event)
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # a loop that was closed
                self._loop.call_soon_threadsafe(self.poll)

    def _ask_for(self, job: Job) -> None:
        self._write(id=job.id, background=job.background, **written(job.order))

    def _write(self, **command: Any) -> None:
        """Say something to the pool; one that is gone is replaced soon, and asked for it then."""
        connection = self._socket
        if self._connected and connection is not None:
            with contextlib.suppress(OSError):
                connection.sendall(json.dumps(command).encode() + b"\n")

    def _on_event(self, event: dict[str, Any]) -> None:
        before = self.worker_state
        self._heard = time.monotonic()
        name = event["event"]
        if name == "pool":
            self._ready, self.pids = event["ready"], event["pids"]
            self.failure = event["note"]
            if self.failure:
                for job in self.waiting:
                    job.status, job.note = "failed", self.failure
                    self._tell(job)
        elif name == "connected":
            self._connected = True
            for job in self.waiting:
                self._ask_for(job)
        elif name == "lost":
            self._on_loss()
        else:
            told = next((job for job in self.jobs if job.id == event["id"]), None)
            if told is not None and not told.is_over:
                _follow(told, event)
                self._tell(told)
        if self.worker_state != before:
            self._tell(None)

    def _on_loss(self) -> None:
        """Have what was under way wait for the next pool."""
        self._connected = self._ready = False
        for job in self.jobs:
            if job.status == "running":
                if job.cancelling:
                    job.status, job.note = "cancelled", "Cancelled; the pool ended meanwhile."
                else:
                    job.status, job.before = "waiting", None
                self._tell(job)

    def _look_for_silence(self) -> None:
        if not self._closed.is_set() and self._loop is not None:
            if time.monotonic() - self._heard > SILENT_AFTER_S:
                self._tell(None)
            self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)

    def _tell(self, job: Job | None) -> None:
        for listener in tuple(self._listeners):
            guarded(listener, job)


def _follow(job: Job, event: dict[str, Any]) -> None:
    """Bring a job up to date with what the pool says of it."""
    name = event["event"]
    if name == "waiting":
        job.status, job.before = "waiting", event["before"]
    elif name == "running":
        job.status, job.before, job.epochs = "running", None, []
    elif name == "started":
        job.planned, job.merit, job.epochs = event["epochs"], MERITS[event["merit"]], []
    elif name == "epochs":
        job.epochs.extend(event["epochs"])
    elif name == "searching":
        job.what, job.share, job.trials = event["what"], event["share"], event["trials"]
    elif name in ("finished", "fetched"):
        job.status = "finished"
    elif name in ("cancelled", "diverged", "failed"):
        job.status, job.note = name, event["note"]
