"""The queue of runs and the worker process that does them, seen from the process that draws.

One worker serves every explorer of a process. It is started before it is needed, hears one job at a
time and is replaced when it dies; nothing here ever waits for it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Literal

import engine
from engine.metrics.merit import ACCURACY, MERITS, Merit
from engine.spec import GraphSpec, RunSpec, encode

Status = Literal["waiting", "running", "finished", "cancelled", "diverged", "failed"]
WORKER = (sys.executable, "-m", "engine.worker")
CANCEL_WITHIN_S = 10.0
"""A worker that has not ended a cancelled job by then is killed and replaced."""
SILENT_AFTER_S = 15.0
MAX_FAILED_STARTS = 3


@dataclass(kw_only=True, slots=True, eq=False)
class Job:
    """One run to train, or one graph to fetch, and how far it is.

    Args:
        id: Its name on the wire.
        order: A `RunSpec` to train or a `GraphSpec` to fetch.
        purpose: Why it was asked for, in a few words, for the queue.
        background: Whether nobody pressed a button for it, so that other jobs go first.
        status: Where it is.
        planned: Epochs it will take, 0 until known.
        merit: What it is judged by, accuracy until known.
        epochs: One record for each epoch done: epoch, loss, train, validation, seconds_left.
        note: The sentence it ended with, if it did not simply finish.
    """

    id: str
    order: RunSpec | GraphSpec
    purpose: str
    background: bool = False
    status: Status = "waiting"
    planned: int = 0
    merit: Merit = ACCURACY
    epochs: list[dict[str, Any]] = field(default_factory=list)
    note: str = ""
    cancelling: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.status not in ("waiting", "running")

    @property
    def done(self) -> float:
        """Share of its epochs done, 0 to 1."""
        return self.epochs[-1]["epoch"] / self.planned if self.epochs and self.planned else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated time left, None while unknown."""
        return self.epochs[-1]["seconds_left"] if self.epochs else None


class Jobs:
    """Jobs in order, the first of them with the worker.

    Listeners are called on the thread that made this object: through its asyncio loop where one
    runs (a kernel), else whenever `poll` is called.

    Args:
        store_folder: Folder of the run store that the worker writes to.
        shipped: Read-only stores that answer a recipe too.
        worker: Command that starts a worker.
    """

    _shared: ClassVar[dict[Path, Jobs]] = {}

    def __init__(
        self, store_folder: Path, shipped: Sequence[Path] = (), worker: Sequence[str] = WORKER
    ) -> None:
        self.jobs: list[Job] = []
        self.failure = ""
        self._command = [*worker, "--store", str(store_folder)]
        for folder in shipped:
            self._command += ["--shipped", str(folder)]
        self._listeners: list[Callable[[Job | None], None]] = []
        self._ids = count(1)
        self._received: queue.SimpleQueue[tuple[int, dict[str, Any] | None]] = queue.SimpleQueue()
        self._ready = False
        self._failed_starts = 0
        self._heard = time.monotonic()
        self._complaints: deque[str] = deque(maxlen=20)
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._start()
        if self._loop is not None:
            self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)
        atexit.register(self.close)

    @classmethod
    def shared(cls, store_folder: Path, shipped: Sequence[Path] = ()) -> Jobs:
        """Return the one queue of this process for a store, started at the first call."""
        folder = store_folder.resolve()
        jobs = cls._shared.get(folder)
        if jobs is None or jobs._closed:
            jobs = cls._shared[folder] = cls(folder, shipped)
        return jobs

    @property
    def running(self) -> Job | None:
        """The job the worker is at."""
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
        if not self._ready:
            return "worker starting"
        silent = time.monotonic() - self._heard
        if silent > SILENT_AFTER_S:
            return f"worker silent for {silent:.0f} s"
        return "worker busy" if self.running else "worker ready"

    @property
    def pid(self) -> int | None:
        """Process id of the worker."""
        return self._process.pid if self._process else None

    def submit(self, order: RunSpec | GraphSpec, purpose: str, *, background: bool = False) -> Job:
        """Queue a run or a fetch; an order already waiting or running is joined, not doubled."""
        for job in self.jobs:
            if not job.is_over and not job.cancelling and job.order == order:
                job.background &= background
                return job
        job = Job(id=f"job-{next(self._ids)}", order=order, purpose=purpose, background=background)
        self.jobs.append(job)
        if self.failure:
            self._failed_starts = 0
            self.failure = ""
            self._start()
        self._hand_out()
        self._tell(job)
        return job

    def cancel(self, job: Job) -> None:
        """End a job: at once while it waits, between two steps while it runs."""
        if job.status == "waiting":
            job.status, job.note = "cancelled", "Cancelled before it began."
        elif job.status == "running" and not job.cancelling:
            job.cancelling = True
            self._write(id=job.id, command="cancel")
            timer = threading.Timer(CANCEL_WITHIN_S, self._kill_unless_over, (job, self._process))
            timer.daemon = True
            timer.start()
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
                generation, event = self._received.get_nowait()
            except queue.Empty:
                return
            if self._process is None or generation != self._process.pid:
                continue
            if event is None:
                self._on_death()
            else:
                self._on_event(event)

    def close(self) -> None:
        """End the worker; what it was training is kept as cancelled."""
        self._closed = True
        process, self._process = self._process, None
        atexit.unregister(self.close)
        if process is not None and process.stdin is not None:
            try:
                process.stdin.close()
            except OSError:
                process.kill()

    def _start(self) -> None:
        self._ready = False
        self._heard = time.monotonic()
        home = str(Path(engine.__path__[0]).parent)
        path = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**_threads(), **os.environ, "PYTHONPATH": path},
            )
        except OSError as error:
            self.failure = f"The worker process did not start: {error}"
            self._process = None
            return
        self._process = process
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        threading.Thread(target=self._read_complaints, args=(process,), daemon=True).start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        assert process.stdin is not None
        with process.stdout as lines:
            for line in lines:
                try:
                    self._post(process.pid, json.loads(line))
                except ValueError:
                    self._complaints.append(line.rstrip())
        process.wait()
        with contextlib.suppress(OSError):
            process.stdin.close()
        self._post(process.pid, None)

    def _read_complaints(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                self._complaints.append(line.rstrip())

    def _post(self, generation: int, event: dict[str, Any] | None) -> None:
        self._received.put((generation, event))
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.poll)

    def _write(self, **command: Any) -> bool:
        """Return whether the worker took a command; one that died did not, and is replaced soon."""
        if self._process is None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # a broken pipe, or one that the reader has closed
            return False
        return True

    def _hand_out(self) -> None:
        if not self._ready or self.running is not None or not self.waiting:
            return
        job = self.waiting[0]
        if isinstance(job.order, RunSpec):
            taken = self._write(id=job.id, command="run", spec=encode(job.order))
        else:
            taken = self._write(id=job.id, command="fetch_graph", graph=encode(job.order))
        if taken:
            job.status = "running"

    def _on_event(self, event: dict[str, Any]) -> None:
        before = self.worker_state
        self._heard = time.monotonic()
        name = event["event"]
        job = next((job for job in self.jobs if job.id == event["id"] and not job.is_over), None)
        if name == "ready":
            self._ready, self._failed_starts = True, 0
        elif job is not None:
            if name == "started":
                job.planned, job.merit = event["epochs"], MERITS[event["merit"]]
            elif name == "epochs":
                job.epochs.extend(event["epochs"])
            elif name in ("finished", "fetched"):
                job.status = "finished"
            elif name in ("cancelled", "diverged", "failed"):
                job.status, job.note = name, event["note"]
            self._hand_out()
            self._tell(job)
        if name == "ready":
            self._hand_out()
            for waiting in self.jobs:
                if waiting.status == "running":
                    self._tell(waiting)
        if self.worker_state != before:
            self._tell(None)

    def _on_death(self) -> None:
        assert self._process is not None
        code = self._process.returncode
        was_ready = self._ready
        job = self.running
        if job is not None:
            if job.cancelling:
                job.status, job.note = "cancelled", "Cancelled; the worker had to be ended for it."
            else:
                how = (
                    f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
                )
                job.status = "failed"
                job.note = (
                    f"The worker process ended in the middle of this ({how}). Finished runs are "
                    "kept, and a new worker takes the next job; this one can be started again."
                )
        self._failed_starts = 0 if was_ready else self._failed_starts + 1
        if self._closed:
            return
        if self._failed_starts >= MAX_FAILED_STARTS:
            last = next((line for line in reversed(self._complaints) if line.strip()), "no message")
            self.failure = f"The worker process does not start: {last}"
            self._process, self._ready = None, False
            for waiting in self.waiting:
                waiting.status, waiting.note = "failed", self.failure
                self._tell(waiting)
        else:
            self._start()
        if job is not None:
            self._tell(job)
        self._tell(None)

    def _look_for_silence(self) -> None:
        if not self._closed and self._loop is not None:
            if time.monotonic() - self._heard > SILENT_AFTER_S:
                self._tell(None)
            self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)

    def _kill_unless_over(self, job: Job, process: subprocess.Popen[str] | None) -> None:
        if not job.is_over and process is not None and process is self._process:
            process.kill()

    def _tell(self, job: Job | None) -> None:
        for listener in tuple(self._listeners):
            listener(job)


def _threads() -> dict[str, str]:
    """Return how many threads a worker uses unless told: half of the processors.

    Threads that wait for a busy processor spin: on two processors that a browser, a kernel and a
    worker share, one thread trains digits-knn many times faster than two.
    """
    count = str(max(1, (os.cpu_count() or 2) // 2))
    return {"OMP_NUM_THREADS": count, "NUMBA_NUM_THREADS": count}
