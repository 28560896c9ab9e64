"""The queue against a stand-in worker: order, progress, cancel, death, refusal to start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from distributed import Client

from engine.runs import RunStore
from engine.search import SearchSpec
from engine.spec import GraphSpec, RunSpec, TrainingSpec
from explorer import jobs as jobs_module
from explorer.jobs import Job, Jobs

ROOT = Path(__file__).parents[2]
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_worker.py")))


def settle(jobs: Jobs, condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Poll until a condition holds."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, [(job.status, job.note) for job in jobs.jobs]
        jobs.poll()
        time.sleep(0.005)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    queue = Jobs(tmp_path, worker=STAND_IN)
    yield queue
    queue.close()


def test_jobs_run_in_order_with_progress(jobs: Jobs) -> None:
    seen: list[tuple[str, str]] = []
    jobs.listen(lambda job: seen.append((job.id, job.status)) if job else None)
    first = jobs.submit(RunSpec(seed=1), "first")
    second = jobs.submit(RunSpec(seed=2), "second")
    assert [job.purpose for job in jobs.waiting] == ["first", "second"]
    settle(jobs, lambda: second.is_over)
    assert (first.status, second.status) == ("finished", "finished")
    assert [record["epoch"] for record in first.epochs] == [1, 2, 3, 4]
    assert first.planned == 4
    assert first.done == 1.0
    assert first.seconds_left == 0.0
    ends = [name for name, status in seen if status == "finished"]
    assert ends == [first.id, second.id]


def test_a_search_says_how_far_it_is(jobs: Jobs) -> None:
    seen: list[tuple[int, float]] = []
    jobs.listen(lambda job: seen.append((job.trials, job.done)) if job else None)
    search = jobs.submit(SearchSpec(), "search")
    assert jobs.submit(SearchSpec(), "again") is search
    settle(jobs, lambda: search.is_over)
    assert (search.status, search.what, search.planned) == ("finished", "run 2", 0)
    assert {(1, 0.5), (2, 1.0)} <= set(seen)


def test_same_order_is_joined(jobs: Jobs) -> None:
    assert jobs.submit(RunSpec(seed=1), "a") is jobs.submit(RunSpec(seed=1), "b")
    assert jobs.submit(RunSpec(seed=2), "c") is not jobs.jobs[0]


def test_cancel_of_a_waiting_job(jobs: Jobs) -> None:
    first = jobs.submit(RunSpec(seed=1), "a")
    second = jobs.submit(RunSpec(seed=2), "b")
    jobs.cancel(second)
    assert second.status == "cancelled"
    assert second.note
    settle(jobs, lambda: first.is_over)
    assert first.status == "finished"
    assert second.epochs == []


def test_a_job_that_kills_its_worker_twice_fails_and_the_next_runs(jobs: Jobs) -> None:
    fatal = jobs.submit(RunSpec(seed=13), "fatal")
    later = jobs.submit(RunSpec(seed=1), "later")
    settle(jobs, lambda: later.is_over)
    assert fatal.status == "failed"
    assert "2 times (killed by SIGKILL)" in fatal.note
    assert [record["epoch"] for record in fatal.epochs] == [1, 2]
    assert later.status == "finished"


def test_a_job_whose_worker_is_killed_once_is_done_by_the_next(jobs: Jobs) -> None:
    job = jobs.submit(RunSpec(seed=99), "slow")
    settle(jobs, lambda: len(job.epochs) == 2)
    (first,) = jobs.pids
    os.kill(first, signal.SIGKILL)
    settle(jobs, lambda: jobs.pids not in ([], [first]) and len(job.epochs) == 2)
    assert job.status == "running"
    jobs.cancel(job)
    assert job.cancelling


def test_a_pool_that_died_is_replaced_and_asked_again(jobs: Jobs) -> None:
    job = jobs.submit(RunSpec(seed=99), "slow")
    later = jobs.submit(RunSpec(seed=1), "later")
    settle(jobs, lambda: len(job.epochs) == 2)
    os.kill(_parent(jobs.pids[0]), signal.SIGKILL)
    settle(jobs, lambda: job.status == "waiting")
    assert jobs.worker_state == "worker starting"
    settle(jobs, lambda: job.status == "running" and len(job.epochs) == 2)
    jobs.cancel(job)
    os.kill(jobs.pids[0], signal.SIGKILL)
    settle(jobs, lambda: later.is_over)
    assert (job.status, later.status) == ("cancelled", "finished")


def test_failed_fetch_keeps_its_sentence(jobs: Jobs) -> None:
    job = jobs.submit(GraphSpec(name="Nowhere"), "fetch")
    settle(jobs, lambda: job.is_over)
    assert (job.status, job.note) == ("failed", "no such graph")


def test_worker_that_never_starts_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = tmp_path / "fault"
    fault.touch()
    monkeypatch.setenv("STAND_IN_FAULT", str(fault))
    jobs = Jobs(tmp_path, worker=STAND_IN)
    job = jobs.submit(RunSpec(), "a")
    settle(jobs, lambda: job.is_over)
    assert job.status == "failed"
    assert "the library is missing" in job.note
    settle(jobs, lambda: jobs.worker_state == "worker stopped")
    fault.unlink()
    again = jobs.submit(RunSpec(), "b")
    settle(jobs, lambda: again.is_over)
    assert again.status == "finished"
    jobs.close()


def test_a_cluster_trains_for_the_queue_and_loses_no_worker(
    tmp_path: Path, dask_cluster: str
) -> None:
    training = TrainingSpec(epochs=500)
    specs = [RunSpec(graph=GraphSpec(name="karate"), training=training, seed=s) for s in range(2)]
    jobs = Jobs(tmp_path, cluster=dask_cluster)
    first, second = (jobs.submit(spec, "run") for spec in specs)
    settle(jobs, lambda: bool(first.epochs), 300)
    assert (first.planned, second.before) == (500, 1)
    with Client(dask_cluster, set_as_default=False) as client:
        pids = client.run(os.getpid)
        (busy,) = (worker for worker, held in client.processing().items() if held)
        os.kill(pids[busy], signal.SIGKILL)
    settle(jobs, lambda: second.status == "running", 300)
    assert first.status == "finished"
    assert [record["epoch"] for record in first.epochs] == list(range(1, 501))
    settle(jobs, lambda: bool(second.epochs), 300)
    jobs.cancel(second)
    settle(jobs, lambda: second.is_over, 300)
    assert second.status == "cancelled"
    assert [run.key for run in RunStore(tmp_path).list()] == [specs[0].key]
    jobs.close()


def test_a_cluster_that_does_not_answer_is_said(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, cluster="no://127.0.0.1:1")
    settle(jobs, lambda: jobs.worker_state == "worker stopped", 300)
    assert "cluster: got 'no://127.0.0.1:1', accepts the address of a Dask" in jobs.failure
    jobs.close()


def test_worker_that_does_not_exist_is_said(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, worker=("/nowhere/python",))
    settle(jobs, lambda: jobs.worker_state == "worker stopped")
    assert "/nowhere/python" in jobs.failure
    jobs.close()


def test_pool_that_does_not_start_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    jobs = Jobs(tmp_path)
    job = jobs.submit(RunSpec(), "a")
    settle(jobs, lambda: job.is_over)
    assert "does not start" in job.note
    monkeypatch.undo()
    jobs.close()


def test_silence_is_said(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(jobs, lambda: jobs.worker_state == "worker ready")
    monkeypatch.setattr(jobs_module, "SILENT_AFTER_S", 0.01)
    time.sleep(0.05)
    assert "silent" in jobs.worker_state


def test_close_ends_pool_and_worker(jobs: Jobs) -> None:
    settle(jobs, lambda: jobs.worker_state == "worker ready")
    (worker,) = jobs.pids
    pool = _parent(worker)
    jobs.close()
    until = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() or Path(f"/proc/{pool}").exists():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Return what starts a pool that listens at ``tmp_path / "pool"``."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        (tmp_path / "pool").unlink(missing_ok=True)
        command = [sys.executable, "-m", "explorer.pool", "--store", str(tmp_path)]
        command += ["--listen", str(tmp_path / "pool"), "--", *STAND_IN]
        started.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.stdin.close()
        assert process.wait(20) in (0, -signal.SIGKILL)


def test_two_processes_share_a_pool_and_outlive_it(
    tmp_path: Path, pool: Callable[[], subprocess.Popen[bytes]]
) -> None:
    one, two = (Jobs(tmp_path, pool=tmp_path / "pool") for _ in range(2))
    slow = one.submit(RunSpec(seed=99), "slow")
    first = pool()
    settle(one, lambda: len(slow.epochs) == 2)
    assert (tmp_path / "pool").stat().st_mode & 0o77 == 0, "only its owner may connect"
    same, next_ = two.submit(RunSpec(seed=99), "same"), two.submit(RunSpec(seed=1), "next")
    settle(two, lambda: len(same.epochs) == 2 and next_.before is not None)
    assert next_.before == 1
    first.kill()
    first.wait()
    settle(two, lambda: same.status == "waiting")
    settle(one, lambda: slow.status == "waiting")
    pool()
    settle(two, lambda: len(same.epochs) == 2)
    one.cancel(slow)
    two.cancel(same)
    one.close()
    two.close()


def test_listeners_are_called_on_the_loops_thread(tmp_path: Path) -> None:
    threads: set[int] = set()

    async def scene() -> Job:
        jobs = Jobs(tmp_path, worker=STAND_IN)
        jobs.listen(lambda job: threads.add(threading.get_ident()))
        job = jobs.submit(RunSpec(seed=5), "a")
        while not job.is_over:
            await asyncio.sleep(0.01)
        jobs.close()
        return job

    assert asyncio.run(scene()).status == "finished"
    assert threads == {threading.get_ident()}


def test_one_queue_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jobs, "_shared", {})
    monkeypatch.setattr(Jobs.__init__, "__defaults__", ((), None, STAND_IN, None))
    first = Jobs.shared(tmp_path)
    assert Jobs.shared(Path(os.path.relpath(tmp_path))) is first
    first.close()
    second = Jobs.shared(tmp_path)
    assert second is not first
    second.close()


def test_the_pool_that_the_environment_names_is_for_the_usual_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jobs, "_shared", {})
    monkeypatch.setattr(Jobs, "_start", lambda self: None)
    monkeypatch.setenv("GRAPHBITS_POOL", str(tmp_path / "pool"))
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "usual"))
    assert Jobs.shared(tmp_path / "usual")._pool == tmp_path / "pool"
    assert Jobs.shared(tmp_path / "other")._pool is None
