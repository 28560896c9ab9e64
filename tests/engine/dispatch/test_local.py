"""Processes of this machine: progress, cancel, a lost one, and none left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from engine.dispatch import Dispatcher, processes
from engine.events import Cancelled, EpochDone, Finished, Started
from engine.runs import RunStore
from engine.spec import GraphSpec, TrainingSpec, scheme

ROOT = Path(__file__).parents[3]
KARATE = GraphSpec(name="karate")
SHORT = scheme("qat", graph=KARATE, training=TrainingSpec(epochs=4))
LONG = scheme("qat", graph=KARATE, training=TrainingSpec(epochs=100_000))
SOME = scheme("qat", graph=KARATE, training=TrainingSpec(epochs=300))


def test_a_killed_process_loses_nothing_and_a_cancelled_run_ends(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    stop = False
    before = set(multiprocessing.active_children())
    started = 0
    epochs: list[int] = []
    with Dispatcher(processes(1), store) as dispatcher:
        dispatcher.begin([SOME])
        for _, event in dispatcher.follow():
            if isinstance(event, Started):
                started, epochs = started + 1, []
            elif isinstance(event, EpochDone):
                epochs.append(event.epoch)
                if started == 1 and len(epochs) == 1:
                    (child,) = set(multiprocessing.active_children()) - before
                    os.kill(child.pid, signal.SIGKILL)
        assert isinstance(event, Finished)
        dispatcher.begin([LONG, SHORT])
        for _, event in dispatcher.follow(lambda: stop):  # noqa: B023
            stop = stop or isinstance(event, EpochDone)
        assert isinstance(event, Cancelled)
    assert started == 2
    assert epochs == list(range(1, 301)), "the last ones come before the end"
    assert [row.key for row in store.list()] == [SOME.key]
    for child in set(multiprocessing.active_children()) - before:
        child.join()


ASKS = """
from engine.dispatch import Dispatcher, processes
from engine.runs import RunStore
from tests.engine.dispatch.test_local import LONG
import multiprocessing, sys

if __name__ == "__main__":
    with Dispatcher(processes(1), RunStore(sys.argv[1])) as dispatcher:
        dispatcher.begin([LONG])
        for _ in dispatcher.follow():
            print(multiprocessing.active_children()[0].pid, flush=True)
"""


def test_no_process_outlives_who_asked(tmp_path: Path) -> None:
    script = tmp_path / "asks.py"
    script.write_text(ASKS)
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "store")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as asks:
        worker = int(asks.stdout.readline())
        asks.kill()
    until = time.monotonic() + 120
    while Path(f"/proc/{worker}").exists():
        assert time.monotonic() < until
        time.sleep(0.05)
