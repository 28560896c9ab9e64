"""The index: quick, rebuilt when lost or garbage."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runs.index import FileIndex, IndexTrouble, MemoryIndex, Row
from engine.runs.summary import RunSummary

START = datetime(2026, 1, 1, tzinfo=UTC)


def row(key: str, stamp: str, graph: str = "Cora", status: Any = "finished", day: int = 0) -> Row:
    return Row(
        stamp,
        RunSummary(
            key=key,
            status=status,
            note=stamp,
            created=START + timedelta(days=day),
            metrics={},
            graph=graph,
        ),
    )


keys, stamps = st.sampled_from("abcde"), st.sampled_from("1234")
rows = st.builds(
    row,
    keys,
    stamps,
    st.sampled_from(["Cora", "karate"]),
    st.sampled_from(["finished", "killed"]),
    st.integers(0, 1000),
)
changes = st.tuples(st.dictionaries(keys, st.none() | stamps), st.lists(rows))


@settings(max_examples=15, deadline=None)
@given(
    history=st.lists(changes, max_size=4),
    graph=st.none() | st.just("Cora"),
    status=st.none() | st.just("killed"),
    limit=st.none() | st.integers(0, 3),
)
def test_file_equals_memory(
    tmp_path_factory: pytest.TempPathFactory,
    history: list[Any],
    graph: str | None,
    status: str | None,
    limit: int | None,
) -> None:
    file, memory = FileIndex(tmp_path_factory.mktemp("index") / "i.sqlite"), MemoryIndex()
    for stale, added in history:
        for index in (file, memory):
            index.replace(stale, added)
    assert file.stamps() == memory.stamps()
    found = [
        [row.created for row in index.select(graph=graph, status=status, limit=limit)]
        for index in (file, memory)
    ]
    assert found[0] == found[1]
    everything = [
        sorted(
            (row.key, row.note, row.graph, row.status, row.created)
            for row in index.select(graph=None, status=None, limit=None)
        )
        for index in (file, memory)
    ]
    assert everything[0] == everything[1]


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_row_is_replaced_only_where_it_was_seen(tmp_path: Path, kind: str) -> None:
    index = MemoryIndex() if kind == "memory" else FileIndex(tmp_path / "i.sqlite")
    index.replace({}, [row("a", "1")])
    index.replace({"a": "0"}, [row("a", "2")])  # another process was faster
    assert index.stamps() == {"a": "1"}
    index.replace({"a": "1"}, [row("a", "2")])
    assert index.stamps() == {"a": "2"}
    index.replace({"a": None}, [row("a", "3")])
    assert index.stamps() == {"a": "3"}
    index.replace({"a": None}, [])
    assert index.stamps() == {}


def test_uses_a_write_ahead_log(tmp_path: Path) -> None:
    FileIndex(tmp_path / "i.sqlite").replace({}, [row("a", "1")])
    db = sqlite3.connect(tmp_path / "i.sqlite")
    assert db.execute("pragma journal_mode").fetchone() == ("wal",)
    db.close()


def garbage(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def other_columns(path: Path) -> None:
    path.unlink()
    db = sqlite3.connect(path)
    db.execute("create table runs (other text)")
    db.close()


def other_summaries(path: Path) -> None:
    db = sqlite3.connect(path)
    db.execute("update runs set summary = '{}'")
    db.commit()
    db.close()


@pytest.mark.parametrize("damage", [garbage, truncated, other_columns, other_summaries])
def test_a_damaged_file_is_made_again(tmp_path: Path, damage: Any) -> None:
    index = FileIndex(tmp_path / "i.sqlite")
    index.replace({}, [row(f"key {i}", "1") for i in range(50)])
    damage(tmp_path / "i.sqlite")
    assert index.select(graph=None, status=None, limit=None) == []
    index.replace({}, [row("a", "1")])
    assert index.stamps() == {"a": "1"}


def test_a_place_that_cannot_be_written_is_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexTrouble, match=r"i\.sqlite cannot be used: .*Not a directory"):
        FileIndex(tmp_path / "file" / "i.sqlite").stamps()
    (tmp_path / "i.sqlite").mkdir()
    with pytest.raises(IndexTrouble, match="unable to open"):
        FileIndex(tmp_path / "i.sqlite").stamps()


def busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def test_a_moment_in_which_sqlite_does_not_wait_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = FileIndex(tmp_path / "i.sqlite")
    index.replace({}, [row("a", "1")])
    connect, tries = FileIndex._connect, iter(range(10))

    def often_busy(self: FileIndex) -> sqlite3.Connection:
        if next(tries) < 3:
            raise busy()
        return connect(self)

    monkeypatch.setattr(FileIndex, "_connect", often_busy)
    assert index.stamps() == {"a": "1"}
    assert next(tries) == 4


def test_busy_for_too_long_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.runs.index.BUSY_MS", 50)

    def always_busy(self: FileIndex) -> sqlite3.Connection:
        raise busy()

    monkeypatch.setattr(FileIndex, "_connect", always_busy)
    with pytest.raises(IndexTrouble, match="cannot be used: database is locked"):
        FileIndex(tmp_path / "i.sqlite").stamps()
