"""Many processes on one store: nothing half-written, nothing lost, nothing blocked."""

from __future__ import annotations

import errno
import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.runs import (
    AlreadyFinished,
    AlreadyRunning,
    CorruptRun,
    NewerRun,
    Run,
    RunStore,
    StoreError,
    shelf,
    store_folder,
)
from engine.spec import GraphSpec, RunSpec, scheme

Play = Callable[..., "subprocess.Popen[str]"]

SPEC = RunSpec()
KEY = SPEC.key


def finish(store: RunStore, spec: RunSpec = SPEC, value: int = 1) -> Run:
    pending = store.begin(spec)
    pending.epoch({"loss": 1.0})
    return pending.finish({"value": value}, {"node": np.full(100, value)})


def statuses(store: RunStore) -> dict[int | None, str]:
    return {row.seed: row.status for row in store.list()}


def wait_for(player: subprocess.Popen[str], word: str) -> str:
    for line in player.stdout:
        if line.startswith(word):
            return line.strip()
    raise AssertionError(f"the process ended without {word!r}")


def ended(player: subprocess.Popen[str]) -> str:
    output, errors = player.communicate(timeout=60)
    assert (player.returncode, errors) == (0, "")  # no warning of an index done without, either
    return output.strip()


# --- one process ---


def test_an_empty_store_is_not_written_by_reading(store: RunStore) -> None:
    assert store.find(KEY) is None
    assert store.answer(KEY) is None
    assert store.list() == ()
    assert store.reap() == ()
    store.delete(KEY)
    assert not store.folder.exists()


def test_a_finished_run_answers_its_spec(store: RunStore) -> None:
    run = finish(store)
    for reader in (store, RunStore(store.folder)):
        found = reader.answer(KEY)
        assert found
        assert found.metrics == run.metrics == {"value": 1}
        with pytest.raises(AlreadyFinished, match="already finished") as caught:
            reader.begin(RunSpec())
        assert caught.value.run.metrics == {"value": 1}
    assert [path.name for path in (store.folder / "running").iterdir()] == []
    assert [path.name for path in (store.folder / "trash").iterdir()] == []


@pytest.mark.parametrize("status", ["cancelled", "diverged", "failed"])
def test_any_other_ending_gives_way(store: RunStore, status: str) -> None:
    getattr(store.begin(RunSpec()), status)("It was stopped.")
    run = store.find(KEY)
    assert run
    assert run.status == status
    assert store.answer(KEY) is None
    pending = store.begin(RunSpec())
    run = store.find(KEY)
    assert run
    assert run.status == "running"
    assert statuses(store) == {0: "running"}
    pending.finish({})
    assert statuses(store) == {0: "finished"}


def test_a_spec_runs_once_at_a_time_in_one_process_too(store: RunStore) -> None:
    pending = store.begin(RunSpec())
    with pytest.raises(AlreadyRunning, match=f"by process {os.getpid()} on") as caught:
        store.begin(RunSpec(), timeout_s=0)
    assert caught.value.owner
    assert caught.value.owner.pid == os.getpid()
    with pytest.raises(AlreadyRunning):
        store.delete(KEY)
    other = store.begin(RunSpec(seed=1))
    assert statuses(store) == {0: "running", 1: "running"}
    pending.finish({})
    other.cancelled()


@pytest.mark.parametrize("key", ["", "abc", "../" * 21 + "a", "A" * 64, KEY + "\n"])
def test_only_keys_name_runs(store: RunStore, key: str) -> None:
    for call in (store.find, store.answer, store.delete):
        with pytest.raises(ValueError, match=r"^key: got"):
            call(key)


def test_lists_newest_first_and_chooses(store: RunStore) -> None:
    for seed in range(3):
        finish(store, RunSpec(seed=seed))
    finish(store, scheme("degree-quant", bits=4, graph=GraphSpec(name="Cora"), seed=3))
    store.begin(RunSpec(seed=4)).cancelled()
    pending = store.begin(RunSpec(seed=5))
    reader = RunStore(store.folder)
    assert [row.seed for row in reader.list()] == [5, 4, 3, 2, 1, 0]
    assert [row.seed for row in reader.list(limit=2)] == [5, 4]
    assert [row.seed for row in reader.list(status="finished", limit=2)] == [3, 2]
    assert [row.seed for row in reader.list(status="running")] == [5]
    assert [row.seed for row in reader.list(graph="digits-knn", limit=4)] == [5, 4, 2, 1]
    (row,) = reader.list(graph="Cora")
    assert (row.model, row.bits, row.mode, row.status) == (
        "gcn 2×16",
        "INT4",
        "retrain",
        "finished",
    )
    assert row.metrics == {"value": 1}
    assert row.epochs == 1
    assert row.spec
    assert not row.shipped
    assert row.spec.key == row.key
    assert row.note == "Finished after 1 epochs."
    pending.cancelled()


def test_deletes(store: RunStore) -> None:
    finish(store)
    finish(store, RunSpec(seed=1))
    store.delete(KEY)
    assert store.find(KEY) is None
    assert statuses(store) == {1: "finished"}
    assert finish(store).status == "finished"


def test_names_that_are_no_keys_are_left_alone(store: RunStore) -> None:
    finish(store)
    for place in ("runs", "running", "graphs"):
        (store.folder / place).mkdir(exist_ok=True)
        (store.folder / place / "README.txt").write_text("mine")
    store.reap()
    assert statuses(store) == {0: "finished"}
    assert len(list(store.folder.glob("*/README.txt"))) == 3


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "mine"))
    assert store_folder() == RunStore().folder == tmp_path / "mine"
    monkeypatch.delenv("GRAPHBITS_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert store_folder().name == "store"
    assert "graphbits" in store_folder().parts


def test_errors_survive_pickle(store: RunStore, tmp_path: Path) -> None:
    held = store.begin(RunSpec(seed=1))
    with pytest.raises(AlreadyRunning) as running:
        store.begin(RunSpec(seed=1), timeout_s=0)
    held.cancelled()
    run = finish(store)
    for error in (
        running.value,
        AlreadyFinished(run),
        CorruptRun(tmp_path, "a file is missing"),
        NewerRun(tmp_path, 2, 1),
        StoreError("A sentence."),
    ):
        copy = pickle.loads(pickle.dumps(error))
        assert type(copy) is type(error)
        assert str(copy) == str(error)


# --- shipped stores ---


def contents(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_a_shipped_store_is_read_after_ones_own_and_never_written(
    store: RunStore, tmp_path: Path
) -> None:
    assets = RunStore(tmp_path / "assets")
    finish(assets, RunSpec(seed=1), value=10)
    finish(assets, RunSpec(seed=2), value=20)
    for leftover in tmp_path.glob("assets/index*"):
        leftover.unlink()
    before = contents(assets.folder)

    store.begin(RunSpec(seed=2)).cancelled()
    both = RunStore(store.folder, shipped=[assets.folder, tmp_path / "nowhere"])
    finish(both, RunSpec(seed=3), value=3)
    assert {row.seed: (row.status, row.shipped) for row in both.list()} == {
        1: ("finished", True),
        2: ("finished", True),
        3: ("finished", False),
    }
    run = both.answer(RunSpec(seed=1).key)
    assert run
    assert run.metrics == {"value": 10}
    assert run.arrays["node"][0] == 10
    with pytest.raises(AlreadyFinished):
        both.begin(RunSpec(seed=1))
    with pytest.raises(StoreError, match=r"delete run .*assets: this store is only for reading"):
        both.delete(RunSpec(seed=1).key)
    both.reap()
    assert contents(assets.folder) == before


def test_a_store_opened_for_reading_writes_nothing(store: RunStore) -> None:
    finish(store)
    for leftover in store.folder.glob("index*"):
        leftover.unlink()
    before = contents(store.folder)
    reader = RunStore(store.folder, read_only=True)
    assert statuses(reader) == {0: "finished"}
    assert reader.answer(KEY)
    for write in (lambda: reader.begin(RunSpec(seed=1)), lambda: reader.delete(KEY), reader.reap):
        with pytest.raises(StoreError, match="only for reading"):
            write()
    assert contents(store.folder) == before


# --- what goes wrong ---


def test_one_corrupt_run_spoils_no_other(store: RunStore) -> None:
    runs = [finish(store, RunSpec(seed=seed)) for seed in range(5)]
    assert set(statuses(store).values()) == {"finished"}
    os.truncate(runs[0].folder / "arrays.npz", 100)
    (runs[1].folder / "record.json").write_text("{")
    (runs[2].folder / "record.json").unlink()
    shutil.rmtree(runs[3].folder)
    runs[3].folder.mkdir()
    for run in runs[:4]:
        with pytest.raises(CorruptRun, match=r"is corrupt: .*run it again"):
            store.find(run.key)
        assert store.answer(run.key) is None
    for reader in (store, RunStore(store.folder), RunStore(store.folder, read_only=True)):
        rows = {row.key: row for row in reader.list()}
        assert [rows[run.key].status for run in runs] == ["corrupt"] * 4 + ["finished"]
        assert rows[runs[0].key].note.endswith(
            f"is corrupt: arrays.npz has 100 bytes, of {runs[0].files['arrays.npz']}. "
            "Delete it, or run it again to replace it."
        )
        assert rows[runs[1].key].spec is None
        assert {row.key for row in reader.list(status="corrupt")} == {run.key for run in runs[:4]}
        assert len(reader.list(graph="digits-knn")) == 1
    for run in runs[:3]:
        assert finish(store, run.spec, value=7).metrics == {"value": 7}
    store.delete(runs[3].key)
    assert statuses(store) == {0: "finished", 1: "finished", 2: "finished", 4: "finished"}


def test_a_newer_run_is_listed_and_never_replaced(store: RunStore) -> None:
    run = finish(store)
    finish(store, RunSpec(seed=1))
    path = run.folder / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 2, "more": []}))
    before = path.read_bytes()
    for call in (
        lambda: store.find(KEY),
        lambda: store.answer(KEY),
        lambda: store.begin(RunSpec()),
    ):
        with pytest.raises(NewerRun, match="Update graphbits"):
            call()
    assert path.read_bytes() == before
    rows = {row.key: row for row in store.list()}
    assert rows[KEY].status == "newer"
    assert "Update graphbits" in rows[KEY].note
    assert rows[RunSpec(seed=1).key].status == "finished"


@pytest.mark.parametrize("text", [None, b"", b"garbage" * 999])
def test_the_index_is_made_again(store: RunStore, text: bytes | None) -> None:
    for seed in range(3):
        finish(store, RunSpec(seed=seed))
    (index,) = store.folder.glob("*.sqlite")
    index.unlink() if text is None else index.write_bytes(text)
    assert statuses(RunStore(store.folder)) == dict.fromkeys(range(3), "finished")
    assert index.read_bytes().startswith(b"SQLite format 3")
    assert finish(store, RunSpec(seed=3)).status == "finished"
    assert len(store.list()) == 4


def test_the_index_follows_folders_that_others_move(store: RunStore, tmp_path: Path) -> None:
    runs = [finish(store, RunSpec(seed=seed)) for seed in range(3)]
    assert len(store.list()) == 3
    runs[0].folder.rename(tmp_path / "taken")
    assert statuses(store) == {1: "finished", 2: "finished"}
    (tmp_path / "taken").rename(runs[0].folder)
    assert statuses(store) == {0: "finished", 1: "finished", 2: "finished"}


def test_an_index_that_cannot_be_used_is_done_without(
    store: RunStore, caplog: pytest.LogCaptureFixture
) -> None:
    finish(store)
    (index,) = store.folder.glob("*.sqlite")
    index.unlink()
    index.mkdir()
    with caplog.at_level(logging.WARNING):
        assert statuses(store) == {0: "finished"}
        finish(store, RunSpec(seed=1))
        assert statuses(store) == {0: "finished", 1: "finished"}
    assert [record.message for record in caplog.records] == [
        f"{index} cannot be used: unable to open database file. "
        "The runs are read from their folders instead."
    ]


def test_a_path_through_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = RunStore(tmp_path / "file" / "store")
    for call in (lambda: store.find(KEY), lambda: store.begin(SPEC), store.list, store.reap):
        with pytest.raises(StoreError, match=r"is a file, not a folder.*GRAPHBITS_STORE"):
            call()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full. Free some space"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "permission denied"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_rename_that_fails_blocks_nothing_and_loses_nothing(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def fail(*paths: Any) -> None:
        raise OSError(code, os.strerror(code))

    finish(store, RunSpec(seed=1))
    with store.begin(RunSpec()) as pending:
        pending.epoch({"loss": 1.0})
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", fail)
            with pytest.raises(StoreError, match=f"Could not .* in .*: {words}") as caught:
                pending.finish({"value": 5})
        assert caught.value.__cause__.errno == code
    # it had been recorded in full, so it counts
    assert statuses(store) == {0: "finished", 1: "finished"}
    with pytest.raises(AlreadyFinished):
        store.begin(RunSpec())
    run = store.answer(KEY)
    assert run
    assert run.folder == store.folder / "runs" / KEY
    assert run.metrics == {"value": 5}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_write_that_fails_ends_the_run_and_blocks_nothing(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fail(*paths: Any) -> None:
        raise OSError(code, os.strerror(code))

    finish(store, RunSpec(seed=1))

    def run_into_it() -> None:
        with store.begin(SPEC) as pending:
            monkeypatch.setattr(os, "replace", fail)
            pending.finish({})

    with pytest.raises(StoreError, match="Could not record the end") as caught:
        run_into_it()
    monkeypatch.undo()
    assert "could not be recorded either" in caught.value.__notes__[0]
    assert statuses(store) == {0: "killed", 1: "finished"}
    assert finish(store).status == "finished"


# --- many processes ---


def test_writers_and_readers_at_once(store: RunStore, play: Play) -> None:
    writers = [play("write_runs", 10 * i, 6) for i in range(4)]
    readers = [play("read_runs", 24) for _ in range(2)]
    assert [ended(writer) for writer in writers] == ["done"] * 4
    assert all(int(ended(reader).removeprefix("done ")) >= 2 for reader in readers)
    assert len(store.list(status="finished")) == len(store.list()) == 24


def test_a_killed_run_is_found_marked_and_run_again(store: RunStore, play: Play) -> None:
    player = play("hang", 0)
    wait_for(player, "ready")
    assert statuses(store) == {0: "running"}
    assert store.reap() == ()
    with pytest.raises(AlreadyRunning, match=f"by process {player.pid} on"):
        store.begin(RunSpec(), timeout_s=0)
    with open(store.folder / "running" / KEY / "epochs.jsonl", "ab") as file:
        file.write(b'{"epoch": 3, "lo')  # as a kill in the middle of a line leaves it
    player.send_signal(signal.SIGKILL)
    player.wait()

    for reader in (store, RunStore(store.folder, read_only=True)):
        assert statuses(reader) == {0: "killed"}
    assert store.reap() == (KEY,)
    assert store.reap() == ()
    run = store.find(KEY)
    assert run
    assert run.status == "killed"
    assert run.folder.parent.name == "runs"
    assert f"process {player.pid} on" in run.note
    assert [epoch["epoch"] for epoch in run.epochs] == [0, 1, 2]
    with run.open("reference.npz") as file:
        assert file.read() == b"reference"
    assert statuses(store) == {0: "killed"}
    assert store.answer(KEY) is None
    assert list((store.folder / "running").iterdir()) == []
    assert finish(store).status == "finished"
    assert statuses(store) == {0: "finished"}


def test_a_killed_run_needs_no_reaping_to_be_run_again(store: RunStore, play: Play) -> None:
    player = play("hang", 0)
    wait_for(player, "ready")
    player.kill()
    player.wait()
    run = finish(store)
    assert run.status == "finished"
    assert len(run.epochs) == 1
    assert "reference.npz" not in run.files


def test_a_run_killed_after_its_record_is_not_lost(store: RunStore, play: Play) -> None:
    player = play("hang_before_publishing", 0)
    wait_for(player, "ready")
    run = store.find(KEY)
    assert run
    assert run.status == "running"
    player.kill()
    player.wait()
    assert statuses(store) == {0: "finished"}
    run = store.answer(KEY)
    assert run
    assert run.metrics == {"seed": 0}
    assert len(run.arrays["node"]) == 10
    assert store.reap() == (KEY,)
    run = store.answer(KEY)
    assert run
    assert run.metrics == {"seed": 0}
    assert run.folder.parent.name == "runs"


def test_what_a_dead_process_left_never_replaces_a_finished_run(
    store: RunStore, tmp_path: Path
) -> None:
    other = RunStore(tmp_path / "other")
    left = other.begin(SPEC)
    finish(store)
    shutil.copytree(other.folder / "running" / KEY, store.folder / "running" / KEY)
    left.cancelled()
    assert statuses(store) == {0: "killed"}
    assert store.reap() == ()
    assert statuses(store) == {0: "finished"}
    with pytest.raises(AlreadyFinished):
        store.begin(SPEC)


def test_a_run_seen_while_it_is_replaced_is_looked_at_again(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finish(store)
    read_ended = shelf.read_ended
    seen = iter([CorruptRun(run.folder, "half old, half new"), FileNotFoundError(2, "", "a")])

    def read_while_replaced(folder: Path) -> Run:
        for error in seen:
            raise error
        return read_ended(folder)

    monkeypatch.setattr(shelf, "read_ended", read_while_replaced)
    found = store.find(KEY)
    assert found
    assert found.metrics == run.metrics


def test_a_run_that_ends_while_it_is_listed_is_listed_once(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = store.begin(SPEC)
    select = shelf.Shelf._select

    def finish_first(*given: Any) -> Any:
        monkeypatch.undo()
        pending.finish({})
        return select(*given)

    monkeypatch.setattr(shelf.Shelf, "_select", finish_first)
    assert [row.status for row in store.list()] == ["finished"]


@pytest.mark.parametrize("left", ["lock", "empty", "no spec"])
def test_a_process_killed_while_beginning_leaves_no_run(store: RunStore, left: str) -> None:
    store.begin(RunSpec(seed=1)).cancelled()
    running = store.folder / "running"
    (running / f"{KEY}.lock").write_text("")
    if left != "lock":
        (running / KEY).mkdir()
    if left == "no spec":
        (running / KEY / "epochs.jsonl").write_text("")
        (running / KEY / "spec.json.part").write_text("{")
    assert store.find(KEY) is None
    assert statuses(store) == {1: "cancelled"}
    assert store.reap() == ()
    assert list(running.iterdir()) == []
    assert finish(store).status == "finished"


def test_a_forked_child_does_not_keep_a_dead_run_alive(store: RunStore, play: Play) -> None:
    player = play("hang_with_child", 0)
    lines = {wait_for(player, ""), wait_for(player, "")}
    assert "refused in the child" in lines
    (child,) = [int(line.removeprefix("child ")) for line in lines if line.startswith("child")]
    try:
        assert statuses(store) == {0: "running"}
        player.kill()
        player.wait()
        os.kill(child, 0)  # it still lives
        assert statuses(store) == {0: "killed"}
    finally:
        os.kill(child, signal.SIGKILL)


def test_of_many_that_try_the_same_spec_one_runs_it(store: RunStore, play: Play) -> None:
    players = [play("race", 0, 0) for _ in range(3)] + [play("race", 0, 30) for _ in range(3)]
    said = [ended(player) for player in players]
    (winner,) = [player for player, line in zip(players, said, strict=True) if line == "ran"]
    for player, line in zip(players, said, strict=True):
        if player is not winner:
            assert line in (
                f"running {winner.pid}",
                "running, not signed yet",
                f"finished {winner.pid}",
            )
    assert statuses(store) == {0: "finished"}


def test_who_waits_takes_over_from_the_dead(store: RunStore, play: Play) -> None:
    first = play("hang", 0)
    wait_for(first, "ready")
    second = play("race", 0, 30)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(0.5)
    first.kill()
    assert ended(second) == "ran"
    run = store.answer(KEY)
    assert run
    assert run.metrics == {"pid": second.pid}


def on_small_disk(part: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Play a part on a file system of 2 MB of its own, in a mount namespace; no root needed."""
    folder.mkdir()
    inside = 'mount -t tmpfs -o size=2m none "$1" && shift && exec "$@"'
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("NOT TESTED: a real full or read-only disk needs the unshare command")
    enter = [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", inside, "sh", folder]
    probe = subprocess.run([*enter, "true"], capture_output=True, text=True)
    if probe.returncode:
        pytest.skip(f"NOT TESTED: a real full or read-only disk needs a mount: {probe.stderr}")
    player = [sys.executable, "-W", "error", Path(__file__).with_name("player.py")]
    return subprocess.run(
        [*enter, *player, part, folder / "store"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )


def test_a_full_disk(tmp_path: Path) -> None:
    player = on_small_disk("fill_disk", tmp_path / "disk")
    assert player.returncode == 0, player.stderr
    arrays, begin, done = player.stdout.splitlines()
    assert arrays.startswith("Could not write arrays.npz of run ")
    assert begin.startswith("Could not begin run ")
    assert all("the disk is full. Free some space there" in line for line in (arrays, begin))
    assert done == "done"


def test_a_read_only_disk(tmp_path: Path) -> None:
    player = on_small_disk("read_only", tmp_path / "disk")
    assert player.returncode == 0, player.stderr
    assert player.stdout.splitlines() == ["done", "done"]
