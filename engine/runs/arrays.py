"""Named arrays in one npz file: written without pickle, each read when first asked for."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.runs.errors import CorruptRun

ARRAYS = "arrays.npz"


def write_arrays(file: BinaryIO, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as an uncompressed npz file.

    Raises:
        ValueError: Naming an array that would need pickle, or a name that npz cannot keep.
    """
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            check_array(name, array)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)


def check_array(name: str, array: Any) -> None:
    """Refuse an array that would need pickle, or a name that npz cannot keep.

    Raises:
        ValueError: Naming it.
    """
    if not name or name.endswith(".npy") or "\0" in name or "\\" in name:
        raise ValueError(f"arrays: got the name {name!r}, accepts a name without .npy, \\ and NUL")
    if np.asanyarray(array).dtype.hasobject:
        raise ValueError(
            f"arrays[{name!r}]: got dtype object, accepts numbers, booleans and strings"
        )


class Arrays(Mapping[str, NDArray[Any]]):
    """A run's arrays by name; read-only, each loaded when first asked for and then kept.

    Args:
        folder: The run's folder.
        opened: Opens the npz file; None stands for no arrays.

    Raises:
        CorruptRun: When an array is asked for that the file no longer holds whole.
    """

    def __init__(self, folder: Path, opened: Callable[[], BinaryIO] | None) -> None:
        self._folder = folder
        self._opened = opened
        self._loaded: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._loaded:
            with self._archive() as archive, archive.open(f"{name}.npy") as member:
                array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            array.flags.writeable = False
            self._loaded[name] = array
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"Arrays({', '.join(self._names)})"

    @cached_property
    def _names(self) -> dict[str, None]:
        if self._opened is None:
            return {}
        with self._archive() as archive:
            return dict.fromkeys(name.removesuffix(".npy") for name in archive.namelist())

    @contextmanager
    def _archive(self) -> Iterator[zipfile.ZipFile]:
        assert self._opened is not None  # without a file there are no names to ask for
        try:
            with self._opened() as file, zipfile.ZipFile(file) as archive:
                yield archive
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            raise CorruptRun(self._folder, f"{ARRAYS} cannot be read ({error})") from error
