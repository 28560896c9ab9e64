"""The worker process over its pipes: order, progress, cancel, faults, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.runs import RunStore
from engine.search import Budget, Chance, SearchLog, SearchSpec, Space
from engine.spec import GraphSpec, TrainingSpec, encode, scheme

ROOT = Path(__file__).resolve().parents[2]
FLOAT = scheme("float", graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=6))
LONG = scheme("float", graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=100_000))


class Pipes:
    """A worker with its pipes.

    Args:
        store: Folder of its run store.
        options: Further ones.
    """

    def __init__(self, store: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.worker", "--store", str(store), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self.said: list[dict[str, Any]] = []

    def ask(self, **command: Any) -> None:
        """Write a command."""
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def until(self, *events: str, job: str | None = None) -> dict[str, Any]:
        """Read to the first of some events, of one job if named."""
        for line in self.process.stdout:
            event = json.loads(line)
            self.said.append(event)
            if event["event"] in events and job in (None, event["id"]):
                return event
        raise AssertionError(f"the worker ended before any of {events}")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def worker(store: Path) -> Iterator[Pipes]:
    """Return one worker for all tests that leave it alive."""
    pipes = Pipes(store)
    assert pipes.until("ready")["pid"] == pipes.process.pid
    yield pipes
    pipes.process.kill()
    pipes.process.communicate()


def test_run_is_trained_and_stored_with_every_epoch(worker: Pipes, store: Path) -> None:
    worker.said.clear()
    worker.ask(id="a", command="run", spec=encode(FLOAT))
    finished = worker.until("finished")
    assert (finished["id"], finished["key"]) == ("a", FLOAT.key)
    started = next(event for event in worker.said if event["event"] == "started")
    assert started["epochs"] == 6
    batches = [event["epochs"] for event in worker.said if event["event"] == "epochs"]
    epochs = [epoch for batch in batches for epoch in batch]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    assert set(epochs[0]) == {"epoch", "loss", "train", "validation", "seconds_left"}
    run = RunStore(store).find(FLOAT.key)
    assert run is not None
    assert [epoch["loss"] for epoch in run.epochs] == [epoch["loss"] for epoch in epochs]


def test_run_already_stored_is_answered_at_once(worker: Pipes) -> None:
    worker.ask(id="b", command="run", spec=encode(FLOAT))
    worker.until("finished", job="b")
    worker.said.clear()
    worker.ask(id="c", command="run", spec=encode(FLOAT))
    worker.until("finished", job="c")
    assert {event["event"] for event in worker.said} <= {"finished", "alive"}


def test_epochs_come_at_most_ten_times_a_second_and_cancel_is_heard(
    worker: Pipes, store: Path
) -> None:
    worker.said.clear()
    worker.ask(id="d", command="run", spec=encode(LONG))
    worker.ask(id="e", command="run", spec=encode(FLOAT))
    for _ in range(4):
        worker.until("epochs", job="d")
    worker.ask(id="f", command="ping")
    worker.until("pong", job="f")
    worker.ask(id="d", command="cancel")
    assert worker.until("cancelled", "finished", job="d")["event"] == "cancelled"
    assert worker.until("finished", job="e")["key"] == FLOAT.key
    epochs = [e["epochs"] for e in worker.said if e["event"] == "epochs" and e["id"] == "d"]
    assert max(map(len, epochs)) > 3, "quick epochs are told together"
    run = RunStore(store).find(LONG.key)
    assert run is not None
    assert run.status == "cancelled"


def test_waiting_command_can_be_cancelled(worker: Pipes) -> None:
    worker.ask(id="g", command="run", spec=encode(LONG))
    worker.ask(id="h", command="run", spec=encode(LONG))
    worker.ask(id="h", command="cancel")
    worker.until("epochs", job="g")
    worker.ask(id="g", command="cancel")
    worker.until("cancelled", job="g")
    assert "before it began" in worker.until("cancelled", job="h")["note"]


def test_search_tells_how_far_it_is_and_goes_on_after_a_cancel(worker: Pipes, store: Path) -> None:
    space = Space(graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=300))
    spec = SearchSpec(space=space, method=Chance(), budget=Budget(trainings=3))
    worker.said.clear()
    worker.ask(id="s", command="search", search=encode(spec))
    while worker.until("searching", "finished", job="s")["trials"] < 1:
        pass
    worker.ask(id="s", command="cancel")
    assert "goes on from there" in worker.until("cancelled", "finished", job="s")["note"]
    log = SearchLog(spec, store)
    known = log.trials
    assert 1 <= len(known) < 3
    assert not log.is_over
    worker.said.clear()
    worker.ask(id="t", command="search", search=encode(spec))
    assert worker.until("finished", job="t")["key"] == spec.key
    told = [event for event in worker.said if event["event"] == "searching"]
    assert [event["trials"] for event in told] == sorted(event["trials"] for event in told)
    assert told[-1]["share"] == 1
    assert told[-1]["what"].startswith("run 3")
    assert log.is_over
    assert log.trials[: len(known)] == known


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"command": "run", "spec": {"model": {"hidden": 0}}}, "model.hidden"),
        ({"command": "run", "spec": {"graph": {"name": "Atlantis"}}}, "Atlantis"),
        ({"command": "fetch_graph", "graph": {"name": "Atlantis"}}, "Atlantis"),
        ({"command": "fetch_graph"}, "graph"),
        ({"command": "search", "search": {"budget": {"trainings": 0}}}, "budget.trainings"),
        ({"command": "search", "search": {"budget": {"trainings": 1}}}, "at least 2.25"),
        ({"command": "dance"}, "no such command: dance"),
    ],
)
def test_fault_is_a_sentence_and_the_worker_goes_on(
    worker: Pipes, command: dict[str, Any], said: str
) -> None:
    worker.ask(id="x", **command)
    assert said in worker.until("failed")["note"]
    worker.ask(id="y", command="ping")
    worker.until("pong", job="y")


@pytest.mark.parametrize("line", ["", "not json", "[]", "7", '{"id": 1}', '"run"'])
def test_line_that_is_no_command_is_said(worker: Pipes, line: str) -> None:
    worker.process.stdin.write(line + "\n")
    worker.process.stdin.flush()
    assert "not a command" in worker.until("failed")["note"]


def test_fetching_an_embedded_graph_needs_nothing(worker: Pipes) -> None:
    worker.ask(id="z", command="fetch_graph", graph={"name": "karate"})
    assert worker.until("fetched", "failed", job="z")["event"] == "fetched"


def test_alive_is_said_while_training(worker: Pipes) -> None:
    worker.ask(id="l", command="run", spec=encode(LONG))
    worker.until("epochs", job="l")
    worker.until("alive")
    worker.ask(id="l", command="cancel")
    worker.until("cancelled", job="l")


def test_interrupt_of_the_kernel_does_not_reach_training(worker: Pipes) -> None:
    os.kill(worker.process.pid, signal.SIGINT)
    worker.ask(id="i", command="ping")
    worker.until("pong", job="i")


def test_worker_ends_with_its_owner_and_keeps_what_it_trained(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path)
    pipes.ask(id="a", command="run", spec=encode(LONG))
    pipes.until("epochs")
    pipes.process.stdin.close()
    pipes.until("cancelled")
    assert pipes.process.wait(timeout=20) == 0
    pipes.process.stdout.close()
    run = RunStore(tmp_path).find(LONG.key)
    assert run is not None
    assert run.status == "cancelled"
    assert len(run.epochs) > 0


def test_killed_worker_leaves_a_run_that_can_be_had_again(tmp_path: Path) -> None:
    pipes = Pipes(tmp_path)
    pipes.ask(id="a", command="run", spec=encode(FLOAT))
    pipes.until("finished")
    pipes.ask(id="b", command="run", spec=encode(LONG))
    pipes.until("epochs")
    pipes.process.kill()
    pipes.process.communicate()
    assert RunStore(tmp_path).find(LONG.key).status == "killed"
    again = Pipes(tmp_path)
    again.ask(id="a", command="run", spec=encode(FLOAT))
    again.ask(id="b", command="run", spec=encode(LONG))
    again.until("finished", job="a")
    again.until("epochs", job="b")
    again.ask(command="shutdown")
    assert again.process.wait(timeout=20) == 0
    again.process.communicate()


def test_a_cluster_trains_for_a_worker_without_torch(tmp_path: Path, dask_cluster: str) -> None:
    pipes = Pipes(tmp_path, "--cluster", dask_cluster)
    pid = pipes.until("ready")["pid"]
    pipes.ask(id="a", command="run", spec=encode(FLOAT))
    assert pipes.until("finished", "failed")["key"] == FLOAT.key
    assert {"id": "a", "event": "started", "key": FLOAT.key, "epochs": 6, "merit": "accuracy"} in (
        pipes.said
    )
    told = [event["epochs"] for event in pipes.said if event["event"] == "epochs"]
    assert [epoch["epoch"] for epochs in told for epoch in epochs] == [1, 2, 3, 4, 5, 6]
    assert "torch" not in Path(f"/proc/{pid}/maps").read_text()
    assert RunStore(tmp_path).answer(FLOAT.key) is not None
    pipes.ask(id="b", command="run", spec=encode(LONG))
    pipes.until("epochs", job="b")
    pipes.ask(id="b", command="cancel")
    assert pipes.until("cancelled", "finished", job="b")["event"] == "cancelled"
    pipes.process.kill()
    pipes.process.communicate()


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "engine.worker", "--store", str(tmp_path)]
    done = subprocess.run(
        [*command, "--cluster", "no://127.0.0.1:1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cluster: got 'no://127.0.0.1:1', accepts the address of a Dask scheduler" in done.stderr
