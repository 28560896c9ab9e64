"""The worker process: it trains, searches and fetches graphs away from the process that draws.

One JSON object a line. Commands come in on standard input:

    {"id": "a", "command": "run", "spec": {...}}           a `RunSpec`, into the store
    {"id": "b", "command": "fetch_graph", "graph": {...}}  a public `GraphSpec`, into the cache
    {"id": "d", "command": "search", "search": {...}}      a `SearchSpec`, into the store
    {"id": "a", "command": "cancel"}                       a command, waiting or under way
    {"id": "c", "command": "ping"}
    {"command": "shutdown"}

Events go out on standard output, which nothing else writes to; ``id`` is the command's:

    ready, alive                     the libraries are loaded; once every two seconds
    started {key, epochs, merit}     training begins; what it is judged by: accuracy or mae
    epochs {epochs: [...]}           those since the last such event, at most ten a second
    searching {what, share, trials}  what a search does, its budget's share spent, trials known
    finished {key}  fetched {graph}  pong
    cancelled {note}  diverged {note}  failed {note}

When standard input closes, because its owner ended or died, the worker ends too.

With ``--cluster`` it trains nothing itself: a Dask cluster carries out the runs, those of a search
side by side, and their records come to the store here. It then loads PyTorch only for what it does
itself, a search's own steps or reading a public graph.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from engine.runs import RunStore
from engine.search import SearchSpec
from engine.spec import GraphSpec, RunSpec, SpecError, decode

EPOCHS_EVERY_S = 0.25
ALIVE_EVERY_S = 2.0
BEHIND_THE_PAGE = 5
"""Niceness: what draws the page and answers its controls goes first."""
GOES_ON = "What it found is kept; the same search goes on from there when it is started again."
GRACE_S = 5.0
"""How long a step may still take after standard input closed."""


class Worker:
    """Takes commands from a stream of lines and answers with events, one command at a time.

    Args:
        store_folder: Folder of the run store; None is the usual one.
        shipped: Read-only stores that answer too.
        events: Where events are written, one line each.
        cluster: Address of the scheduler of a Dask cluster that carries out the runs.
    """

    def __init__(
        self,
        store_folder: Path | None,
        shipped: list[Path],
        events: TextIO,
        cluster: str | None = None,
    ) -> None:
        self._store_folder, self._shipped, self._cluster = store_folder, shipped, cluster
        self._events = events
        self._writing = threading.Lock()
        self._waiting: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._ending = threading.Event()

    def listen(self, lines: Iterable[str]) -> None:
        """Read commands until the stream ends or says shutdown; answer what needs no training."""
        try:
            for line in lines:
                try:
                    command = json.loads(line)
                    name, job = command["command"], command.get("id")
                except (ValueError, KeyError, TypeError, AttributeError):
                    self._send("failed", None, note=f"not a command: {line.strip()[:80]}")
                    continue
                if name == "shutdown":
                    break
                if name == "ping":
                    self._send("pong", job)
                elif name == "cancel":
                    self._cancelled.add(job)
                elif name in ("run", "fetch_graph", "search"):
                    self._waiting.put(command)
                else:
                    self._send("failed", job, note=f"no such command: {name}")
        finally:
            self._ending.set()
            self._waiting.put(None)

    def beat(self) -> None:
        """Say once in a while that the process lives."""
        while not self._ending.wait(ALIVE_EVERY_S):
            self._send("alive", None)

    def work(self) -> None:
        """Load the libraries, say ready, then do the commands in order until told to end.

        Raises:
            SpecError: If the cluster cannot be had.
        """
        from engine.learning import datasets

        workers, run = _hands(self._cluster)
        store = RunStore(self._store_folder, shipped=self._shipped)
        self._send("ready", None, pid=os.getpid())
        while (command := self._waiting.get()) is not None:
            job = command["id"]
            if job in self._cancelled or self._ending.is_set():
                self._send("cancelled", job, note="Cancelled before it began.")
                continue
            try:
                if command["command"] == "run":
                    spec = decode(RunSpec, command["spec"])
                    self._run(run(spec, store, self._is_cancelled(job)), job)
                elif command["command"] == "search":
                    self._search(decode(SearchSpec, command["search"]), store, workers, job)
                else:
                    graph = decode(GraphSpec, command["graph"])
                    datasets.fetch(graph, store.folder)
                    self._send("fetched", job, graph=graph.name)
            except (ValueError, ArithmeticError, OSError) as error:
                self._send("failed", job, note=str(error))
            except Exception as error:
                traceback.print_exc()
                self._send("failed", job, note=f"{type(error).__name__}: {error}")

    def _is_cancelled(self, job: str) -> Callable[[], bool]:
        return lambda: job in self._cancelled or self._ending.is_set()

    def _run(self, events: Iterable[Any], job: str) -> None:
        from engine.events import Cancelled, Diverged, EpochDone, Failed, Finished, Started

        epochs: list[dict[str, Any]] = []
        sent = 0.0
        for event in events:
            if isinstance(event, EpochDone):
                epochs.append(asdict(event))
                if time.monotonic() - sent < EPOCHS_EVERY_S:
                    continue
            if epochs:
                self._send("epochs", job, epochs=epochs)
                epochs, sent = [], time.monotonic()
            if isinstance(event, Started):
                self._send(
                    "started", job, key=event.key, epochs=event.epochs, merit=event.merit.name
                )
            elif isinstance(event, Finished):
                self._send("finished", job, key=event.key)
            elif isinstance(event, Cancelled):
                self._send("cancelled", job, key=event.key, note=event.note)
            elif isinstance(event, Diverged):
                self._send("diverged", job, key=event.key, note=event.note)
            elif isinstance(event, Failed):
                self._send("failed", job, key=event.key, note=event.note)

    def _search(self, spec: SearchSpec, store: RunStore, workers: Any, job: str) -> None:
        from engine.searching import Answered, Looking, Progress, Spending, Stopped, Tried, search

        spending, trials, sent = Spending(spec), 0, 0.0
        for event in search(spec, store, self._is_cancelled(job), workers=workers):
            spending.hear(event)
            what = ""
            if isinstance(event, Looking):
                what = f"{event.what}, {100 * event.done:.0f} %"
            elif isinstance(event, Progress):
                what = f"run {event.proposal.number + 1}, {event.proposal.origin}"
            elif isinstance(event, Tried):
                trials, sent = trials + 1, 0.0
                what = f"run {event.trial.proposal.number + 1} is known"
            elif isinstance(event, Answered):
                self._send("finished", job, key=event.key)
            elif isinstance(event, Stopped):
                self._send("cancelled", job, key=event.key, note=GOES_ON)
            if what and time.monotonic() - sent >= EPOCHS_EVERY_S:
                self._send("searching", job, what=what, share=spending.share, trials=trials)
                sent = time.monotonic()

    def _send(self, event: str, job: str | None, **fields: Any) -> None:
        line = json.dumps(_finite({"id": job, "event": event, **fields}), allow_nan=False)
        with self._writing:
            try:
                self._events.write(line + "\n")
                self._events.flush()
            except (BrokenPipeError, ValueError):
                self._ending.set()


def _hands(cluster: str | None) -> tuple[Any, Callable[..., Iterable[Any]]]:
    """Return the workers of a cluster that answers, if any, and what carries out a run.

    Raises:
        SpecError: If the cluster cannot be had.
    """
    if cluster is None:
        from engine import experiment

        return None, experiment.run
    from engine import dispatch

    workers = dispatch.cluster(cluster)
    with workers():
        return workers, partial(dispatch.run, workers)


def _finite(value: Any) -> Any:
    """Return plain data with every number that JSON cannot hold as null."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _own_stdout() -> TextIO:
    """Keep standard output for the events alone: what any library prints goes to standard error."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return own


def _end_after_grace(worker_ends: threading.Thread) -> None:
    worker_ends.join()
    time.sleep(GRACE_S)
    os._exit(1)


def main(arguments: list[str] | None = None) -> None:
    """Serve commands from standard input until it closes."""
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description=__doc__)
    parser.add_argument("--store", type=Path, default=None, help="folder of the run store")
    parser.add_argument("--shipped", type=Path, action="append", default=[], help="read-only store")
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler, to train there")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(BEHIND_THE_PAGE)
    worker = Worker(options.store, options.shipped, _own_stdout(), options.cluster)
    listening = threading.Thread(target=worker.listen, args=(sys.stdin,), daemon=True)
    listening.start()
    threading.Thread(target=worker.beat, daemon=True).start()
    threading.Thread(target=_end_after_grace, args=(listening,), daemon=True).start()
    try:
        worker.work()
    except SpecError as error:
        sys.exit(f"{error}.")


if __name__ == "__main__":
    main()
