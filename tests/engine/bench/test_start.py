"""The benchmark of a start: new processes, each with the cache it is to find."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.bench import start
from engine.bench.start import bench_start, tell
from engine.spec import ModelSpec


def test_each_way_finds_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[bool, int]] = []

    def first(model: ModelSpec, bits: Any, cache: Path, count: int = 1) -> list[dict[str, float]]:
        found.append((cache.is_dir(), count))
        if cache.parent.is_dir():
            cache.mkdir(exist_ok=True)
            (cache / "kernel").write_bytes(b"four")
        return [{"forward_s": float(number)} for number in range(count)]

    monkeypatch.setattr(start, "_first", first)
    report = bench_start(ModelSpec(operator="gin"), bits=(8, 4))
    assert found == [(False, 1), (True, 1), (False, 1), (False, 3), (True, 1)]
    assert report["together"] == {"processes": 3, "forward_s": 2}, "of the slowest"
    assert (report["operator"], report["bits"], report["cache_bytes"]) == ("gin", [8, 4], 4)


def test_a_process_tells(capsys: pytest.CaptureFixture[str]) -> None:
    tell("sage", [8, 4])
    told = json.loads(capsys.readouterr().out)
    assert set(told) == {"import_s", "forward_s", "again_s"}
    assert all(seconds > 0 for seconds in told.values())


def test_a_new_process_tells(tmp_path: Path) -> None:
    told = start._first(ModelSpec(), [], tmp_path / "kernels")
    assert len(told) == 1
    assert told[0]["import_s"] > 0


def test_a_process_that_fails_is_told() -> None:
    with pytest.raises(OSError, match="ended with status 1"):
        start._first(ModelSpec(), ["wide"], Path("kernels"))  # type: ignore[list-item]
