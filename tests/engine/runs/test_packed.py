"""A run as bytes: the same run in another store, and nothing but a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from engine.runs import AlreadyRunning, CorruptRun, NewerRun, NotPacked, Run, RunStore, pack
from engine.runs.packed import unpack
from engine.runs.record import RECORD, SCHEMA
from engine.spec import RunSpec

KEY = RunSpec().key


@pytest.fixture
def run(tmp_path: Path) -> Run:
    pending = RunStore(tmp_path / "elsewhere").begin(RunSpec())
    pending.epoch({"epoch": 1, "loss": float("nan")})
    pending.write("program.npz", lambda file: file.write(b"program"))
    return pending.finish({"accuracy": {"float": 0.8}}, {"degree": np.arange(4)})


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def altered(packed: bytes, **changed: bytes | None) -> bytes:
    """Return a pack with files replaced, or left out where they are None; dots are written as _."""
    head, _, rest = packed.partition(b"\n")
    held, place = {}, 0
    for name, length in json.loads(head).items():
        held[name] = rest[place : place + length]
        place += length
    for name, content in changed.items():
        held[name.replace("_", ".")] = content
    kept = {name: content for name, content in held.items() if content is not None}
    lengths = json.dumps({name: len(content) for name, content in kept.items()}).encode()
    return b"\n".join((lengths, b"".join(kept.values())))


def nothing_came(store: RunStore) -> bool:
    return store.find(KEY) is None and not list((store.folder / "running").iterdir())


def test_a_run_is_the_same_in_another_store(store: RunStore, run: Run) -> None:
    brought = store.adopt(KEY, pack(run))
    assert files(brought.folder) == files(run.folder)
    assert store.answer(KEY).metrics == run.metrics
    assert [row.key for row in store.list()] == [KEY]
    np.testing.assert_array_equal(brought.arrays["degree"], np.arange(4))


def test_what_answers_stays(store: RunStore, run: Run) -> None:
    with store.begin(RunSpec()) as pending:
        own = pending.finish({"accuracy": {"float": 0.7}})
    assert store.adopt(KEY, pack(run)).metrics == own.metrics


def test_what_did_not_finish_gives_way(store: RunStore, run: Run) -> None:
    with store.begin(RunSpec()) as pending:
        pending.cancelled()
    assert store.adopt(KEY, pack(run)).status == "finished"
    assert store.answer(KEY).metrics == run.metrics


def test_how_a_run_ended_comes_too(tmp_path: Path, store: RunStore) -> None:
    with RunStore(tmp_path / "another").begin(RunSpec()) as pending:
        run = pending.diverged("The loss is NaN after 3 epochs.")
    brought = store.adopt(KEY, pack(run))
    assert (brought.status, brought.note) == ("diverged", "The loss is NaN after 3 epochs.")
    assert store.answer(KEY) is None


def test_a_run_that_goes_on_here_is_not_replaced(store: RunStore, run: Run) -> None:
    with store.begin(RunSpec()) as pending:
        with pytest.raises(AlreadyRunning):
            store.adopt(KEY, pack(run), timeout_s=0)
        pending.cancelled()


def test_a_run_of_another_spec_is_refused(store: RunStore, run: Run) -> None:
    other = RunSpec(seed=1).key
    with pytest.raises(CorruptRun, match="has the key"):
        store.adopt(other, pack(run))
    assert store.find(other) is None
    assert not list((store.folder / "running").iterdir())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"program_npz": None}, r"program\.npz is missing"),
        ({"spec_json": None}, r"spec\.json is missing"),
        ({"program_npz": b"longer than it was"}, r"program\.npz has 18 bytes, of 7"),
        ({"record_json": b"{}"}, r"record\.json cannot be read"),
    ],
)
def test_a_run_that_is_not_whole_is_refused(
    store: RunStore, run: Run, changed: dict[str, bytes | None], message: str
) -> None:
    with pytest.raises(CorruptRun, match=message):
        store.adopt(KEY, altered(pack(run), **changed))
    assert nothing_came(store)


def test_a_newer_run_is_refused(store: RunStore, run: Run) -> None:
    record = {**json.loads(files(run.folder)[RECORD]), "schema": SCHEMA + 1}
    with pytest.raises(NewerRun):
        store.adopt(KEY, altered(pack(run), record_json=json.dumps(record).encode()))
    assert nothing_came(store)


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "does not begin with the lengths"),
        (b"PK\x03\x04", "does not begin with the lengths"),
        (b"[" * 100_000 + b"\n", "does not begin with the lengths"),
        (b'{"record.json": 2, "a": 0}\n{}', "does not begin with the lengths"),
        (b'{"../a": 0, "record.json": 2}\n{}', "'../a' is not a plain file name"),
        (b'{"/a": 0, "record.json": 2}\n{}', "'/a' is not a plain file name"),
        (b'{"..": 0, "record.json": 2}\n{}', "'..' is not a plain file name"),
        (b'{"": 0, "record.json": 2}\n{}', "'' is not a plain file name"),
        (b'{"a\\u0000": 0, "record.json": 2}\n{}', "is not a plain file name"),
        (b'{"a": -1, "record.json": 3}\n{}', "a has the length -1"),
        (b'{"a": 1e9, "record.json": 3}\n{}', "a has the length 1000000000.0"),
        (b'{"a": true, "record.json": 1}\n{}', "a has the length True"),
        (b'{"a": 1000000000000, "record.json": 2}\n{}', "holds 2 bytes of files, and states"),
        (b'{"record.json": 1}\n{}', "holds 2 bytes of files, and states 1"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, packed: bytes, message: str) -> None:
    with pytest.raises(NotPacked, match=message):
        unpack(packed, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_replaced_is_not_packed(run: Run) -> None:
    os.utime(run.folder / RECORD, ns=(1, 1))
    with pytest.raises(OSError, match="was replaced while it was packed"):
        pack(run)
