"""Graphs as ``.npz`` files: what is in them, reading them without trust, writing them whole."""

from __future__ import annotations

import os
import secrets
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.graphs.graph import Graph, GraphError
from engine.graphs.own import from_arrays

PLAIN_KEYS = ("edge_index", "y", "x", "edge_weight", "train", "val", "test", "starts", "targets")
SPARSE_KEYS = ("x_data", "x_indices", "x_indptr", "x_shape")
KEYS = ("digest", *PLAIN_KEYS, *SPARSE_KEYS, "classes", "name")

_DAMAGE = (
    BadZipFile,
    EOFError,
    KeyError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What NumPy and zipfile raise over damaged archives."""


def read_npz(path: str | Path) -> Graph:
    """Return the graph in a NumPy ``.npz`` file; nothing in it is ever unpickled.

    The file holds ``edge_index`` [2, E] and ``y`` [N]. It may hold ``x`` [N, F], or the rows of a
    sparse x as ``x_data``, ``x_indices``, ``x_indptr`` and ``x_shape``; ``edge_weight`` [E]; the
    masks ``train``, ``val`` and ``test`` [N]; ``classes``, a number; ``name``, a text; and
    ``digest``, the graph's own, against damage. With ``starts`` [G + 1] it holds a set of graphs,
    ``y`` and the masks are [G]; with ``targets`` [N or G, T] it needs no ``y``. What is missing is
    filled in as by `engine.graphs.from_arrays`, which also says what each array means.

    Args:
        path: The file.

    Raises:
        GraphError: If it is no such file, is damaged, or holds a graph that cannot be learned on.
        OSError: If it cannot be opened.
    """
    path = Path(path)
    # Opened here, since np.load leaves a damaged archive open.
    with path.open("rb") as file:
        try:
            return _graph(_arrays(file), path.stem)
        except GraphError as error:
            raise GraphError(f"{path}: {error}") from None
        except _DAMAGE as error:
            what = "damaged, or no .npz file of plain arrays"
            raise GraphError(f"{path}: {what} ({error})") from None


def write_npz(path: str | Path, graph: Graph) -> None:
    """Write a graph to an ``.npz`` file, which appears whole or not at all.

    Args:
        path: The file; one that is there is replaced.
        graph: The graph.

    Raises:
        OSError: If it cannot be written.
    """
    path = Path(path)
    # The digest comes first: what damages a zip's directory loses entries from the end.
    arrays: dict[str, Any] = {"digest": np.array(graph.digest)}
    arrays |= {key: getattr(graph, key) for key in PLAIN_KEYS}
    if isinstance(graph.x, csr_array):
        parts = (graph.x.data, graph.x.indices, graph.x.indptr, np.array(graph.x.shape))
        arrays |= {"x": None, **dict(zip(SPARSE_KEYS, parts, strict=True))}
    arrays |= {"classes": np.int64(graph.classes), "name": np.array(graph.name)}
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            np.savez(file, **{key: array for key, array in arrays.items() if array is not None})
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        reason = f"cannot write the graph: {error.strerror}"
        raise OSError(error.errno, reason, str(path)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def _arrays(file: BinaryIO) -> dict[str, NDArray[Any]]:
    held = np.load(file, allow_pickle=False)
    if not isinstance(held, NpzFile):
        raise GraphError("it holds one array, wanted an .npz file of edge_index and y")
    strange = sorted(set(held.files) - set(KEYS))
    if strange:
        raise GraphError(f"it holds {', '.join(strange)}; known are {', '.join(KEYS)}")
    return {key: held[key] for key in held.files}


def _graph(arrays: dict[str, NDArray[Any]], stem: str) -> Graph:
    needed = ["edge_index"] + ["y"] * ("targets" not in arrays)
    missing = [key for key in needed if key not in arrays]
    if missing:
        raise GraphError(f"it holds no {' and no '.join(missing)}")
    parts = [key for key in SPARSE_KEYS if key in arrays]
    if parts and (len(parts) < len(SPARSE_KEYS) or "x" in arrays):
        raise GraphError(f"features are either x or all of {', '.join(SPARSE_KEYS)}")
    given: dict[str, Any] = {key: arrays[key] for key in PLAIN_KEYS if key in arrays}
    if parts:
        given["x"] = _sparse(*(arrays[key] for key in SPARSE_KEYS))
    if "classes" in arrays:
        given["classes"] = _whole("classes", arrays["classes"])
    name = _text("name", arrays["name"]) if "name" in arrays else stem
    graph = from_arrays(name=name, **given)
    if "digest" in arrays and graph.digest != _text("digest", arrays["digest"]):
        raise GraphError("damaged: what it holds does not have the digest it states")
    return graph


def _sparse(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: NDArray[Any]
) -> csr_array:
    if not (
        all(part.dtype.kind in "iu" and part.ndim == 1 for part in (indices, indptr, shape))
        and data.dtype.kind in "biuf"
        and data.shape == indices.shape
        and shape.shape == (2,)
    ):
        raise GraphError("x_data, x_indices, x_indptr and x_shape are no rows of a sparse matrix")
    rows, columns = (int(size) for size in shape)
    if not (
        rows > 0
        and len(indptr) == rows + 1
        and indptr[0] == 0
        and indptr[-1] == len(indices)
        and (np.diff(indptr.astype(np.int64)) >= 0).all()
        and indices.min(initial=0) >= 0
        and indices.max(initial=0) < columns
    ):
        raise GraphError(f"x_indices or x_indptr point outside x_shape, {rows} x {columns}")
    return csr_array((data, indices, indptr), shape=(rows, columns))


def _whole(name: str, array: NDArray[Any]) -> int:
    if array.shape != () or array.dtype.kind not in "iu":
        raise GraphError(f"{name} must be one whole number")
    return int(array)


def _text(name: str, array: NDArray[Any]) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise GraphError(f"{name} must be one text")
    return str(array)
