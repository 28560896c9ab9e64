"""A run that is going on, and every way in which it ends."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from engine.runs import PendingRun, RunStore, StoreError
from engine.spec import RunSpec

KEY = RunSpec().key


@pytest.fixture
def pending(store: RunStore) -> PendingRun:
    return store.begin(RunSpec())


def test_epochs_are_seen_while_it_runs(store: RunStore, pending: PendingRun) -> None:
    for count in range(3):
        run = store.find(KEY)
        assert run
        assert run.status == "running"
        assert len(run.epochs) == count
        assert run.note == ""
        assert run.metrics == {}
        assert len(run.arrays) == 0
        pending.epoch({"epoch": count, "loss": math.inf})
    pending.write("reference.npz", lambda file: file.write(b"reference"))
    run = store.find(KEY)
    assert run
    with run.open("reference.npz") as file:
        assert file.read() == b"reference"
    pending.finish({})
    with pytest.raises(StoreError, match="Find it again"):
        run.open("reference.npz")


@pytest.mark.parametrize("status", ["finished", "cancelled", "diverged", "failed"])
def test_every_ending_keeps_what_there_is(
    store: RunStore, pending: PendingRun, status: Any
) -> None:
    pending.epoch({"loss": 1.0})
    pending.write("reference.npz", lambda file: file.write(b"reference"))
    arrays = {"degree": np.arange(3)}
    if status == "finished":
        pending.finish({"a": 1}, arrays, "It went well.")
    elif status == "failed":
        pending.failed("It went wrong.")
    else:
        getattr(pending, status)("It was stopped.", metrics={"a": 1}, arrays=arrays)
    run = store.find(KEY)
    assert run
    assert run.status == status
    assert run.note.startswith("It w")
    assert run.epochs == ({"loss": 1.0},)
    assert "reference.npz" in run.files
    if status != "failed":
        assert run.metrics == {"a": 1}
        assert list(run.arrays) == ["degree"]
    assert bool(store.answer(KEY)) == (status == "finished")
    for late in (
        lambda: pending.epoch({}),
        lambda: pending.write("a", lambda file: None),
        lambda: pending.finish({}),
        lambda: pending.cancelled(),
    ):
        with pytest.raises(StoreError, match="takes nothing more"):
            late()


@pytest.mark.parametrize(
    ("error", "status", "note"),
    [
        (ValueError("bad weights"), "failed", "ValueError: bad weights"),
        (KeyboardInterrupt(), "cancelled", "Stopped by KeyboardInterrupt after 1 epochs."),
        (SystemExit(1), "cancelled", "Stopped by SystemExit after 1 epochs."),
    ],
)
def test_an_exception_ends_it(
    store: RunStore, error: BaseException, status: str, note: str
) -> None:
    def run_into_it() -> None:
        with store.begin(RunSpec()) as pending:
            pending.epoch({"loss": 1.0})
            raise error

    with pytest.raises(type(error)):
        run_into_it()
    run = store.find(KEY)
    assert run
    assert (run.status, run.note, len(run.epochs)) == (status, note, 1)


def test_a_generator_that_is_closed_is_cancelled(store: RunStore) -> None:
    def train() -> Iterator[int]:
        with store.begin(RunSpec()) as pending:
            for epoch in range(100):
                pending.epoch({"epoch": epoch})
                yield epoch

    training = train()
    next(training)
    training.close()
    run = store.find(KEY)
    assert run
    assert run.status == "cancelled"
    assert len(run.epochs) == 1


def test_a_block_that_forgets_to_end_it_fails(store: RunStore) -> None:
    with store.begin(RunSpec()):
        pass
    run = store.find(KEY)
    assert run
    assert run.status == "failed"
    assert "without saying" in run.note


@pytest.mark.parametrize(
    ("metrics", "arrays", "named"),
    [
        ({"a": {"b": np.zeros(3)}}, {}, r"metrics\.a\.b"),
        ({}, {"a": np.array([{}])}, r"arrays\['a'\]"),
        ({}, {"": np.zeros(1)}, "arrays"),
    ],
)
def test_a_result_that_cannot_be_kept_changes_nothing(
    store: RunStore, pending: PendingRun, metrics: Any, arrays: Any, named: str
) -> None:
    with pytest.raises(ValueError, match=f"^{named}: got"):
        pending.finish(metrics, arrays)
    run = store.find(KEY)
    assert run
    assert run.status == "running"
    assert not run.files
    assert pending.finish({"a": 1}).status == "finished"


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "/etc/a", "a\0", "spec.json", "record.json", "arrays.npz",
     "epochs.jsonl", "a.part"],
)  # fmt: skip
def test_names_that_are_not_the_runs_own_are_refused(pending: PendingRun, name: str) -> None:
    with pytest.raises(ValueError, match=r"^name: got"):
        pending.write(name, lambda file: None)


def test_an_epoch_that_cannot_be_kept_is_refused_whole(
    store: RunStore, pending: PendingRun
) -> None:
    with pytest.raises(ValueError, match=r"^epoch\.b: got a set"):
        pending.epoch({"a": 1, "b": {1}})
    run = store.find(KEY)
    assert run
    assert run.epochs == ()


def test_a_writer_that_fails_leaves_no_file(store: RunStore, pending: PendingRun) -> None:
    def fail(file: Any) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pending.write("program.npz", fail)
    run = pending.finish({})
    assert run.files == {}
