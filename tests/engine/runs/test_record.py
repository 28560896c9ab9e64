"""A run read back, and every way in which its folder can be damaged."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.runs import CorruptRun, NewerRun, Run, RunStore, StoreError
from engine.runs.record import SCHEMA, read_ended, read_epochs
from engine.spec import RunSpec, SpecError

EPOCHS = ({"epoch": 0, "loss": 1.5}, {"epoch": 1, "loss": 0.5})


@pytest.fixture
def run(store: RunStore) -> Run:
    pending = store.begin(RunSpec())
    for epoch in EPOCHS:
        pending.epoch(epoch)
    pending.write("program.npz", lambda file: file.write(b"program"))
    return pending.finish({"accuracy": {"float": 0.8}}, {"degree": np.arange(4)})


def test_reads_what_was_written(run: Run) -> None:
    read = read_ended(run.folder)
    assert read.spec == RunSpec()
    assert read.key == RunSpec().key
    assert read.epochs == EPOCHS
    assert read.metrics == {"accuracy": {"float": 0.8}}
    np.testing.assert_array_equal(read.arrays["degree"], np.arange(4))
    with read.open("program.npz") as file:
        assert file.read() == b"program"
    assert sorted(read.files) == ["arrays.npz", "program.npz"]
    assert read.status == "finished"
    assert read.note == "Finished after 2 epochs."


@pytest.mark.parametrize(
    "torn", [b'{"epoch": 2, "lo', b'{"epoch": 2}', b"\0\0\0\n", b"3\n", b"\xff\n"]
)
def test_epochs_end_at_a_torn_line(run: Run, torn: bytes) -> None:
    with open(run.folder / "epochs.jsonl", "ab") as file:
        file.write(torn)
    assert read_epochs(run.folder) == EPOCHS


def test_numbers_that_json_lacks_survive_in_epochs(store: RunStore) -> None:
    pending = store.begin(RunSpec())
    pending.epoch({"loss": math.nan, "norm": math.inf})
    (epoch,) = pending.diverged("The loss is NaN.").epochs
    assert math.isnan(epoch["loss"])
    assert epoch["norm"] == math.inf


@pytest.mark.parametrize("name", ["arrays.npz", "program.npz", "spec.json", "epochs.jsonl"])
def test_a_truncated_file_is_corrupt(run: Run, name: str) -> None:
    os.truncate(run.folder / name, (run.folder / name).stat().st_size - 1)
    with pytest.raises(CorruptRun, match=rf"{name} (has|cannot).*run it again"):
        read_ended(run.folder)


def test_a_missing_file_is_corrupt(run: Run) -> None:
    (run.folder / "program.npz").unlink()
    with pytest.raises(CorruptRun, match=r"program\.npz is missing"):
        read_ended(run.folder)


def test_a_spec_of_another_key_is_corrupt(run: Run) -> None:
    (run.folder / "spec.json").write_text('{"seed": 1}')
    with pytest.raises(CorruptRun, match=r"spec\.json has the key"):
        read_ended(run.folder)


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", "null", "[" * 100_000, b"\xff\xfe"])
def test_a_record_that_is_none_is_corrupt(run: Run, text: str | bytes) -> None:
    (run.folder / "record.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CorruptRun, match=r"record\.json cannot be read"):
        read_ended(run.folder)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 0),
        ("schema", "1"),
        ("status", "running"),
        ("status", 3),
        ("note", None),
        ("created", "today"),
        ("created", "2026-01-01T00:00:00"),
        ("seconds", -1),
        ("seconds", "1"),
        ("epochs", 1.5),
        ("metrics", []),
        ("files", None),
        ("unknown", 1),
    ],
)
def test_each_field_of_a_record_is_checked(run: Run, field: str, value: Any) -> None:
    path = run.folder / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    with pytest.raises(CorruptRun, match=rf"record\.json cannot be read \({field}") as caught:
        read_ended(run.folder)
    assert isinstance(caught.value.__cause__, SpecError)


def test_a_newer_schema_is_named(run: Run) -> None:
    (run.folder / "record.json").write_text(json.dumps({"schema": SCHEMA + 1, "new": "things"}))
    with pytest.raises(NewerRun, match=r"newer graphbits .*Update graphbits"):
        read_ended(run.folder)


def test_what_a_run_does_not_keep_is_refused(run: Run) -> None:
    with pytest.raises(
        StoreError, match=r"keeps no file 'spec\.json'; its files: arrays\.npz, program"
    ):
        run.open("spec.json")


def test_a_run_that_was_replaced_does_not_mix(store: RunStore) -> None:
    for value in (1, 2):
        pending = store.begin(RunSpec())
        pending.write("program.npz", lambda file, value=value: file.write(b"%d" % value))
        new = pending.cancelled(arrays={"a": np.full(3, value), "b": np.full(3, value)})
        if value == 1:
            old = new
            assert old.arrays["a"][0] == 1
    assert old.arrays["a"][0] == 1  # it was read in time
    for late in (lambda: old.arrays["b"], lambda: old.open("program.npz")):
        with pytest.raises(StoreError, match="Find it again"):
            late()
    assert new.arrays["b"][0] == 2
    store.delete(new.key)
    with pytest.raises(StoreError, match="Find it again"):
        new.open("program.npz")


def test_the_folder_needs_no_store_to_be_read(run: Run, tmp_path: Path) -> None:
    moved = tmp_path / run.key
    run.folder.rename(moved)
    assert read_ended(moved).metrics == run.metrics
