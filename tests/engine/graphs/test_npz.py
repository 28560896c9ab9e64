"""Graph files: round trips, damage, and what is refused."""

from __future__ import annotations

import errno
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.graphs import Graph, GraphError, from_arrays, read_npz, write_npz

EDGES = np.array([[0, 1, 2, 2], [1, 2, 0, 0]])
Y = np.arange(30) % 3


def sample(sparse: bool, weighted: bool = True) -> Graph:
    x = np.eye(30) if sparse else np.random.default_rng(0).random((30, 4))
    weight = [0, 1.5, 2, 3] if weighted else None
    return from_arrays(edge_index=EDGES, y=Y, x=x, edge_weight=weight, classes=4, name="Ünï")


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_round_trip(tmp_path: Path, sparse: bool, weighted: bool) -> None:
    graph = sample(sparse, weighted)
    write_npz(tmp_path / "new" / "a.npz", graph)
    again = read_npz(tmp_path / "new" / "a.npz")
    assert (again.name, again.digest) == (graph.name, graph.digest)
    assert type(again.x) is type(graph.x)


def test_features_kept_dense_though_few_are_not_zero(tmp_path: Path) -> None:
    graph = replace(sample(sparse=True), x=np.eye(30, dtype=np.float32))
    write_npz(tmp_path / "a.npz", graph)
    assert read_npz(tmp_path / "a.npz").digest == graph.digest


def test_the_least_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "least.npz", edge_index=EDGES, y=Y)
    graph = read_npz(tmp_path / "least.npz")
    assert graph.name == "least"
    assert graph.digest == from_arrays(edge_index=EDGES, y=Y).digest


def sample_set(weighted: bool, real: bool) -> Graph:
    count = 15
    return from_arrays(
        edge_index=EDGES,
        edge_weight=[0, 1.5, 2, 3] if weighted else None,
        y=None if real else np.arange(count) % 3,
        targets=np.random.default_rng(0).random((count, 2)) if real else None,
        starts=np.r_[0, np.arange(3, 31, 2), 30],
        name="many",
    )


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("real", [False, True])
def test_round_trip_of_a_set(tmp_path: Path, weighted: bool, real: bool) -> None:
    graph = sample_set(weighted, real)
    write_npz(tmp_path / "a.npz", graph)
    again = read_npz(tmp_path / "a.npz")
    assert (again.name, again.digest) == (graph.name, graph.digest)
    np.testing.assert_array_equal(again.starts, graph.starts)
    assert (again.units, again.outputs) == (graph.units, graph.outputs)


def test_the_least_file_of_a_set(tmp_path: Path) -> None:
    goals = np.arange(15) / 7
    np.savez(tmp_path / "a.npz", edge_index=EDGES, targets=goals, starts=np.arange(0, 31, 2) + 0)
    with pytest.raises(GraphError, match="edge 1 leads from graph 0 to graph 1"):
        read_npz(tmp_path / "a.npz")
    starts = np.r_[0, np.arange(3, 31, 2), 30]
    np.savez(tmp_path / "a.npz", edge_index=EDGES, targets=goals, starts=starts)
    graph = read_npz(tmp_path / "a.npz")
    assert graph.targets is not None
    np.testing.assert_array_equal(graph.targets[:, 0], goals.astype(np.float32))


SPARSE = {
    "x_data": np.ones(30),
    "x_indices": np.arange(30) % 5,
    "x_indptr": np.arange(31),
    "x_shape": np.array([30, 5]),
}


def test_sparse_features_by_hand(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", edge_index=EDGES, y=Y, **SPARSE)
    assert read_npz(tmp_path / "a.npz").x.sum() == 30


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"y": None}, "holds no y"),
        ({"edge_index": None}, "holds no edge_index"),
        ({"edges": EDGES}, "holds edges; known are digest, edge_index"),
        ({"edge_index": EDGES + 29}, "node 31"),
        ({"x": np.full((30, 1), np.nan)}, "not finite"),
        ({"x": np.ones((31, 1))}, "x has shape"),
        ({"x": np.array([{}] * 30)}, "damaged, or no .npz"),
        ({"digest": np.array("0" * 64)}, "damaged: what it holds does not have the digest"),
        ({"digest": np.array(0)}, "digest must be one text"),
        ({"name": np.array([1, 2])}, "name must be one text"),
        ({"classes": np.array([1.5])}, "classes must be one whole number"),
        ({"x_data": np.ones(30)}, "features are either x or all of"),
        ({**SPARSE, "x": np.ones((30, 1))}, "features are either x or all of"),
        ({**SPARSE, "x_indices": np.arange(30)}, "point outside x_shape"),
        ({**SPARSE, "x_indices": np.arange(30) - 1}, "point outside x_shape"),
        ({**SPARSE, "x_indptr": np.arange(31) + 1}, "point outside x_shape"),
        ({**SPARSE, "x_indptr": np.r_[0, 20, 10, np.arange(3, 31)]}, "point outside x_shape"),
        ({**SPARSE, "x_indptr": np.arange(30)}, "point outside x_shape"),
        ({**SPARSE, "x_shape": np.array([-1, 5])}, "point outside x_shape"),
        ({**SPARSE, "x_shape": np.array([30])}, "no rows of a sparse matrix"),
        ({**SPARSE, "x_shape": np.array([30.0, 5.0])}, "no rows of a sparse matrix"),
        ({**SPARSE, "x_data": np.ones(29)}, "no rows of a sparse matrix"),
        ({"starts": np.array([0, 30])}, "starts has shape"),
        ({"starts": np.array([{}])}, "damaged, or no .npz"),
        ({"targets": np.full(30, np.nan)}, "targets holds a number that is not finite"),
    ],
)
def test_refusals_name_the_file_and_the_fault(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    arrays = {"edge_index": EDGES, "y": Y, **change}
    path = tmp_path / "a.npz"
    np.savez(path, **{key: array for key, array in arrays.items() if array is not None})
    with pytest.raises(GraphError, match=words) as caught:
        read_npz(path)
    assert str(path) in str(caught.value)


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sprung")


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    (tmp_path / "raw.npz").write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    inside = np.array([Trap(tmp_path / "sprung")], dtype=object)
    np.savez(tmp_path / "inside.npz", edge_index=EDGES, y=Y, x=inside)
    for name in ("raw.npz", "inside.npz"):
        with pytest.raises(GraphError, match="damaged"):
            read_npz(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


def test_other_files(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", EDGES)
    (tmp_path / "empty.npz").touch()
    with pytest.raises(GraphError, match="one array"):
        read_npz(tmp_path / "one.npy")
    with pytest.raises(GraphError, match="damaged"):
        read_npz(tmp_path / "empty.npz")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, str]:
    path = tmp_path_factory.mktemp("fuzz") / "a.npz"
    graph = sample(sparse=True)
    write_npz(path, graph)
    return path, path.read_bytes(), graph.digest


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_is_a_graph_error_or_none_at_all(
    written: tuple[Path, bytes, str], data: st.DataObject
) -> None:
    path, content, digest = written
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    path.write_bytes(damaged[:cut])
    try:
        found = read_npz(path)
    except GraphError:
        return
    assert found.digest == digest


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.npz"
    write_npz(path, sample(sparse=True))
    before = path.read_bytes()

    def full(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match=r"cannot write the graph: No space left .*a\.npz"):
        write_npz(path, sample(sparse=False))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write the graph"):
        write_npz(tmp_path / "file" / "a.npz", sample(sparse=True))


def test_readers_never_see_a_part(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    graphs = [sample(sparse=True), sample(sparse=False)]
    write_npz(path, graphs[0])

    def write() -> None:
        for turn in range(30):
            write_npz(path, graphs[turn % 2])

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    digests = {graph.digest for graph in graphs}
    while any(writer.is_alive() for writer in writers):
        assert read_npz(path).digest in digests
    for writer in writers:
        writer.join()
    assert list(tmp_path.iterdir()) == [path]
