"""One process runs a spec; the lock of a dead one is free."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from engine.runs.lock import RunLock, acquire, is_held, owner


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    lock = acquire(path, 0)
    assert lock
    assert lock.is_held
    assert is_held(path)
    assert acquire(path, 0) is None
    lock.release()
    lock.release()
    assert not lock.is_held
    assert not is_held(path)
    assert not path.exists()
    again = acquire(path, 0)
    assert again
    again.release()


def test_a_lock_that_is_dropped_is_free(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "lock", 0)
    assert lock
    del lock
    assert not is_held(tmp_path / "lock")
    assert (tmp_path / "lock").exists()  # so the run is seen to be left, not ended


def test_waits_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = acquire(path, 0)
    assert held
    threading.Timer(0.2, held.release).start()
    start = time.monotonic()
    lock = acquire(path, 10)
    assert lock
    assert 0.1 < time.monotonic() - start < 5
    assert os.path.samestat(os.stat(path), os.fstat(lock._descriptor))
    lock.release()


def test_a_lock_removed_between_opening_and_taking_it_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    first = acquire(path, 0)
    assert first
    flock = fcntl.flock

    def release_first(descriptor: int, operation: int) -> None:
        first.release()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", release_first)
    second = acquire(path, 0)
    monkeypatch.undo()
    assert second
    assert is_held(path)
    assert acquire(path, 0) is None

    def hand_over(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        second.release()
        heirs.append(acquire(path, 0))
        flock(descriptor, operation)

    heirs: list[RunLock | None] = []
    monkeypatch.setattr(fcntl, "flock", hand_over)
    assert is_held(path)


def test_is_signed_for_people(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert owner(path) is None
    lock = acquire(path, 0)
    assert lock
    assert owner(path) is None
    path.write_text("x" * 500)
    lock.sign()
    signed = owner(path)
    assert signed
    assert signed.pid == os.getpid()
    assert str(signed).startswith(f"process {os.getpid()} on ")
    lock.release()


@pytest.mark.parametrize("text", ["", '{"pid": 1', '{"pid": 1}', "[]", "3"])
def test_a_torn_signature_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert owner(tmp_path / "lock") is None
