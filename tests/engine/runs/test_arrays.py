"""Arrays of a run, read when asked for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine.runs import Arrays, CorruptRun, disk
from engine.runs.arrays import write_arrays

kinds = st.one_of(
    hnp.integer_dtypes(), hnp.floating_dtypes(), hnp.boolean_dtypes(), hnp.unicode_string_dtypes()
)
names = st.sampled_from(["file", "arrays", "allow_pickle", "layer0/message", "error.own", "é [1]"])
named = st.dictionaries(names, hnp.arrays(kinds, hnp.array_shapes(min_dims=0, min_side=0)))


def kept(folder: Path, arrays: dict[str, Any]) -> Arrays:
    path = folder / "arrays.npz"
    disk.write(path, partial(write_arrays, arrays=arrays))
    return Arrays(folder, partial(open, path, "rb"))


@settings(max_examples=25, deadline=None)
@given(arrays=named)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Any]) -> None:
    folder = tmp_path_factory.mktemp("arrays")
    read = kept(folder, arrays)
    assert list(read) == list(arrays)
    assert len(read) == len(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)
    with np.load(folder / "arrays.npz", allow_pickle=False) as twin:  # it is an ordinary npz
        assert set(twin.files) == set(arrays)


def test_none_is_empty() -> None:
    read = Arrays(Path("nowhere"), None)
    assert len(read) == 0
    assert "x" not in read
    with pytest.raises(KeyError):
        read["x"]


def test_one_array_is_read_once_and_cannot_be_changed(tmp_path: Path) -> None:
    read = kept(tmp_path, {"a": np.arange(5), "b": np.arange(5.0)})
    first = read["a"]
    assert read["a"] is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    (tmp_path / "arrays.npz").unlink()
    assert read["a"] is first
    with pytest.raises(FileNotFoundError):
        read["b"]


@pytest.mark.parametrize(
    ("name", "array"),
    [("", np.zeros(1)), ("a.npy", np.zeros(1)), ("a\0b", np.zeros(1)), ("a", np.array([None]))],
)
def test_refuses_by_name(tmp_path: Path, name: str, array: Any) -> None:
    with pytest.raises(ValueError, match=r"^arrays.*: got .*accepts"):
        kept(tmp_path, {name: array})
    assert list(tmp_path.iterdir()) == []


def test_damage_is_an_error(tmp_path: Path) -> None:
    kept(tmp_path, {"a": np.arange(1000)})
    path = tmp_path / "arrays.npz"
    whole = path.read_bytes()
    middle = len(whole) // 2
    for damaged in (
        whole[:middle],
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        b"no archive",
        b"",
    ):
        path.write_bytes(damaged)
        with pytest.raises(CorruptRun, match=r"arrays\.npz cannot be read"):
            Arrays(tmp_path, partial(open, path, "rb"))["a"]
