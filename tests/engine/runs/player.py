"""A process that plays a part beside the tests: ``python player.py PART STORE [ARGUMENT…]``."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from engine.runs import AlreadyFinished, AlreadyRunning, RunStore, StoreError
from engine.spec import RunSpec


def say(line: str) -> None:
    print(line, flush=True)


def refusal(call: Callable[[], object]) -> StoreError:
    """Return the error that a call ends with."""
    try:
        call()
    except StoreError as error:
        return error
    raise AssertionError("nothing was refused")


def write_runs(store: RunStore, first: int, runs: int) -> None:
    """Finish runs of the seeds ``first`` and on, each array full of its seed."""
    for seed in range(first, first + runs):
        with store.begin(RunSpec(seed=seed)) as pending:
            for epoch in range(5):
                pending.epoch({"epoch": epoch, "seed": seed})
            pending.write("program.npz", lambda file, seed=seed: file.write(b"%d" % seed))
            pending.finish({"seed": seed}, {"node": np.full(1000, seed)})
    say("done")


def read_runs(store: RunStore, runs: int) -> None:
    """Look at everything until ``runs`` have finished; whatever is finished must be whole."""
    looks, last = 0, time.monotonic() + 30
    while time.monotonic() < last:
        rows = store.list()
        assert {row.status for row in rows} <= {"running", "finished"}, rows
        for row in rows:
            run = store.find(row.key)
            assert run is not None
            assert [epoch["epoch"] for epoch in run.epochs] == list(range(len(run.epochs)))
            if run.status == "finished":
                seed = run.spec.seed
                assert len(run.epochs) == 5
                assert run.metrics == {"seed": seed}
                assert (run.arrays["node"] == seed).all()
                with run.open("program.npz") as file:
                    assert file.read() == b"%d" % seed
        looks += 1
        if sum(row.status == "finished" for row in rows) == runs:
            say(f"done {looks}")
            return
    raise AssertionError(f"only {len(rows)} runs after 30 s")


def hang(store: RunStore, seed: int) -> None:
    """Begin a run and never end it."""
    with store.begin(RunSpec(seed=seed)) as pending:
        for epoch in range(3):
            pending.epoch({"epoch": epoch})
        pending.write("reference.npz", lambda file: file.write(b"reference"))
        say("ready")
        time.sleep(60)


def hang_before_publishing(store: RunStore, seed: int) -> None:
    """Stop in the instant between the record and the rename."""
    pending = store.begin(RunSpec(seed=seed))
    pending.epoch({"epoch": 0})

    def stop() -> None:
        say("ready")
        time.sleep(60)

    pending._publish = stop
    pending.finish({"seed": seed}, {"node": np.full(10, seed)})


def hang_with_child(store: RunStore, seed: int) -> None:
    """Begin a run, fork a child that lives on, and wait."""
    pending = store.begin(RunSpec(seed=seed))
    child = os.fork()
    if child == 0:
        try:
            pending.epoch({"epoch": 0})
        except StoreError:
            say("refused in the child")
        time.sleep(60)
        os._exit(0)
    say(f"child {child}")
    time.sleep(60)


def race(store: RunStore, seed: int, timeout_s: int) -> None:
    """Run one spec, together with others that try the same at once."""
    try:
        with store.begin(RunSpec(seed=seed), timeout_s=timeout_s) as pending:
            pending.epoch({"epoch": 0})
            time.sleep(0.3)
            pending.finish({"pid": os.getpid()})
            say("ran")
    except AlreadyRunning as error:
        say(f"running {error.owner.pid}" if error.owner else "running, not signed yet")
    except AlreadyFinished as error:
        say(f"finished {error.run.metrics['pid']}")


def fill_disk(store: RunStore) -> None:
    """Live through a full disk: ``store`` lies on a small file system of its own."""
    kept = store.begin(RunSpec(seed=1))
    kept.epoch({"loss": 1.0})
    kept = kept.finish({"ok": True}, {"node": np.arange(100)})

    with store.begin(RunSpec(seed=2)) as pending:
        pending.epoch({"loss": 2.0})
        error = refusal(lambda: pending.finish({"ok": True}, {"node": np.zeros(10_000_000)}))
        assert error.__cause__.errno == errno.ENOSPC
        say(str(error))
        pending.failed(str(error))
    assert store.find(RunSpec(seed=2).key).status == "failed"

    pending = store.begin(RunSpec(seed=3))
    ballast = store.folder / "ballast"
    with contextlib.suppress(OSError):
        ballast.write_bytes(bytes(100_000_000))
    written = 0
    with suppress(StoreError):
        while True:
            pending.epoch({"loss": 3.0, "text": "x" * 997})
            written += 1
    lines = (store.folder / "running" / pending.key / "epochs.jsonl").read_bytes()
    assert lines.endswith(b"\n") or not lines
    say(str(refusal(lambda: store.begin(RunSpec(seed=4)))))
    rows = RunStore(store.folder).list()
    assert {row.spec.seed: row.status for row in rows} == {
        1: "finished", 2: "failed", 3: "running"
    }  # fmt: skip
    assert (store.find(kept.key).arrays["node"] == np.arange(100)).all()
    ballast.unlink()
    pending.epoch({"loss": 4.0})
    run = pending.finish({"ok": True})
    assert len(run.epochs) == written + 1
    store.begin(RunSpec(seed=4)).finish({})
    say("done")


def read_only(store: RunStore) -> None:
    """Read a store on a read-only file system, and be refused politely when writing."""
    write_runs(store, first=1, runs=2)
    subprocess.run(["mount", "-o", "remount,ro", store.folder.parent], check=True)
    for reader in (store, RunStore(store.folder), RunStore(store.folder, read_only=True)):
        assert sorted(row.spec.seed for row in reader.list()) == [1, 2]
        assert (reader.find(RunSpec(seed=2).key).arrays["node"] == 2).all()
    for write in (
        lambda: store.begin(RunSpec(seed=3)),
        lambda: store.delete(RunSpec(seed=1).key),
    ):
        error = refusal(write)
        assert "the file system is read-only" in str(error), error
    assert store.reap() == ()
    say("done")


PARTS = {
    part.__name__: part
    for part in (
        write_runs, read_runs, hang, hang_before_publishing, hang_with_child, race, fill_disk,
        read_only,
    )
}  # fmt: skip

if __name__ == "__main__":
    name, folder, *numbers = sys.argv[1:]
    PARTS[name](RunStore(Path(folder)), *map(int, numbers))
