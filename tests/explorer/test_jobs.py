"""The queue against a stand-in worker: order, progress, cancel, death, refusal to start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.spec import GraphSpec, RunSpec
from explorer import jobs as jobs_module
from explorer.jobs import Job, Jobs

STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_worker.py")))


def settle(jobs: Jobs, condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Poll until a condition holds."""
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, [(job.status, job.note) for job in jobs.jobs]
        jobs.poll()
        time.sleep(0.005)


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


def test_killed_worker_fails_its_job_and_the_next_runs(jobs: Jobs) -> None:
    fatal = jobs.submit(RunSpec(seed=13), "fatal")
    later = jobs.submit(RunSpec(seed=1), "later")
    settle(jobs, lambda: later.is_over)
    assert fatal.status == "failed"
    assert "SIGKILL" in fatal.note
    assert [record["epoch"] for record in fatal.epochs] == [1, 2]
    assert later.status == "finished"


def test_a_job_that_a_dead_worker_did_not_take_waits_for_the_next(jobs: Jobs) -> None:
    settle(jobs, lambda: jobs.worker_state == "worker ready")
    process = jobs._process
    assert process is not None
    assert process.stdin is not None
    os.kill(process.pid, signal.SIGKILL)
    while not process.stdin.closed:
        time.sleep(0.005)
    job = jobs.submit(RunSpec(seed=1), "next")
    assert job.status == "waiting"
    settle(jobs, lambda: job.is_over)
    assert job.status == "finished"
    assert jobs.pid != process.pid


def test_worker_deaf_to_cancel_is_replaced(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "CANCEL_WITHIN_S", 0.1)
    deaf = jobs.submit(RunSpec(seed=99), "deaf")
    settle(jobs, lambda: len(deaf.epochs) == 2)
    first_pid = jobs.pid
    jobs.cancel(deaf)
    again = jobs.submit(RunSpec(seed=1), "next")
    settle(jobs, lambda: again.is_over)
    assert deaf.status == "cancelled"
    assert again.status == "finished"
    assert jobs.pid != first_pid


def test_failed_fetch_keeps_its_sentence(jobs: Jobs) -> None:
    job = jobs.submit(GraphSpec(name="Nowhere"), "fetch")
    settle(jobs, lambda: job.is_over)
    assert (job.status, job.note) == ("failed", "no such graph")


def test_worker_that_never_starts_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_FAULT", "no-start")
    jobs = Jobs(tmp_path, worker=STAND_IN)
    job = jobs.submit(RunSpec(), "a")
    settle(jobs, lambda: job.is_over)
    assert job.status == "failed"
    assert "the library is missing" in job.note
    assert jobs.worker_state == "worker stopped"
    monkeypatch.setenv("STAND_IN_FAULT", "")
    again = jobs.submit(RunSpec(), "b")
    settle(jobs, lambda: again.is_over)
    assert again.status == "finished"
    jobs.close()


def test_command_that_does_not_exist(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, worker=("/nowhere/python",))
    assert jobs.worker_state == "worker stopped"
    assert "did not start" in jobs.failure
    jobs.close()


def test_silence_is_said(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(jobs, lambda: jobs.worker_state == "worker ready")
    monkeypatch.setattr(jobs_module, "SILENT_AFTER_S", 0.01)
    time.sleep(0.05)
    assert "silent" in jobs.worker_state


def test_close_ends_the_worker(jobs: Jobs) -> None:
    settle(jobs, lambda: jobs.worker_state == "worker ready")
    process = jobs._process
    assert process is not None
    jobs.close()
    assert process.wait(timeout=10) == 0


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
    monkeypatch.setattr(Jobs.__init__, "__defaults__", ((), STAND_IN))
    first = Jobs.shared(tmp_path)
    assert Jobs.shared(Path(os.path.relpath(tmp_path))) is first
    first.close()
    second = Jobs.shared(tmp_path)
    assert second is not first
    second.close()
