"""A real scheduler with two workers on this machine: the same runs, cancel, a killed worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import Client

from engine.dispatch import Dispatcher, cluster
from engine.events import Cancelled, EpochDone, Finished, Started
from engine.graphs import Graph, keep_own
from engine.runs import RunStore
from engine.spec import GraphSpec, RunSpec, SpecError, TrainingSpec, scheme
from tests.engine.dispatch.test_dispatcher import endings, runs, same
from tests.engine.dispatch.test_local import LONG, SHORT

ROOT = Path(__file__).parents[3]


@pytest.fixture
def client(dask_cluster: str) -> Iterator[Client]:
    with Client(dask_cluster, set_as_default=False) as client:
        yield client


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_runs_are_those_of_one_process(tmp_path: Path, dask_cluster: str, karate: Graph) -> None:
    store, here = RunStore(tmp_path / "store"), RunStore(tmp_path / "here")
    own = keep_own(replace(karate, name="mine"), store.folder)
    keep_own(replace(karate, name="mine"), here.folder)
    finetuned = TrainingSpec(epochs=4, mode="finetune")
    specs = [*runs(2), scheme("qat", graph=own, training=finetuned)]
    ended = endings(specs, store, cluster(dask_cluster.removeprefix("tcp://")))
    assert all(isinstance(event, Finished) for event in ended.values())
    endings(specs, here)
    assert all(same(spec, store, here) for spec in specs)


def test_what_is_under_way_is_cancelled_between_two_steps(
    tmp_path: Path, dask_cluster: str, client: Client
) -> None:
    store = RunStore(tmp_path)
    stop = False
    with Dispatcher(cluster(dask_cluster), store) as dispatcher:
        dispatcher.begin([LONG, *runs(3, LONG.training)[1:]])
        for _, event in dispatcher.follow(lambda: stop):  # noqa: B023
            stop = stop or isinstance(event, EpochDone)
    assert isinstance(event, Cancelled)
    assert store.list() == ()
    assert isinstance(endings([SHORT], store, cluster(dask_cluster))[SHORT.key], Finished)
    until(lambda: not any(client.run(_busy).values()))


def _busy() -> bool:
    from engine.dispatch.task import _alone

    return _alone.locked()


ASKS = """
import sys
from engine.dispatch import Dispatcher, cluster
from engine.runs import RunStore
from tests.engine.dispatch.test_local import LONG

with Dispatcher(cluster(sys.argv[1]), RunStore(sys.argv[2])) as dispatcher:
    dispatcher.begin([LONG])
    for _ in dispatcher.follow():
        print("going on", flush=True)
"""


def test_what_a_client_that_is_gone_asked_for_ends(
    tmp_path: Path, dask_cluster: str, client: Client
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ASKS, dask_cluster, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as asks:
        assert asks.stdout.readline() == "going on\n"
        assert any(client.run(_busy).values())
        asks.kill()
    until(lambda: not any(client.run(_busy).values()))


def test_an_error_of_a_run_is_raised(tmp_path: Path, dask_cluster: str) -> None:
    spec = RunSpec(graph=GraphSpec(name="digits-slant"), training=TrainingSpec(epochs=4))
    with pytest.raises(ValueError, match="pool"):
        endings([spec], RunStore(tmp_path), cluster(dask_cluster))


@pytest.mark.parametrize("address", ["tcp://nowhere", "tcp://", "no://127.0.0.1:1"])
def test_an_address_that_is_none_is_said(tmp_path: Path, address: str) -> None:
    with pytest.raises(SpecError, match=f"cluster: got '{address}', accepts the address of a Dask"):
        endings([SHORT], RunStore(tmp_path), cluster(address))


def test_a_scheduler_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.dispatch.dask.ANSWERS_WITHIN_S", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SpecError, match="accepts the address of a Dask scheduler that answers"):
            endings([SHORT], RunStore(tmp_path), cluster(address))


def test_without_dask_it_is_said_how_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SpecError, match=r"pip install 'graphbits\[dask\]'"):
        endings([SHORT], RunStore(tmp_path), cluster("tcp://127.0.0.1:1"))


def test_who_asks_for_no_cluster_imports_no_dask() -> None:
    code = (
        "import engine.dispatch, sys; print(*{'dask', 'distributed', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"dask", "distributed", "torch"} & set(done.stdout.split())


def test_a_killed_worker_loses_nothing(tmp_path: Path, dask_cluster: str, client: Client) -> None:
    store = RunStore(tmp_path)
    (spec,) = runs(1, TrainingSpec(epochs=500))
    epochs: list[int] = []
    with Dispatcher(cluster(dask_cluster), store) as dispatcher:
        dispatcher.begin([spec])
        until(lambda: any(client.run(_busy).values()))
        (busy,) = (worker for worker, at_work in client.run(_busy).items() if at_work)
        os.kill(client.run(os.getpid)[busy], signal.SIGKILL)
        for _, event in dispatcher.follow():
            if isinstance(event, Started):
                epochs = []
            elif isinstance(event, EpochDone):
                epochs.append(event.epoch)
    assert busy not in client.scheduler_info()["workers"]
    assert epochs == list(range(1, 501)), "the last ones come before the end"
    assert isinstance(event, Finished)
    assert store.answer(spec.key) is not None
