"""Graphs by name: the embedded ones, kept ones, and the sentences for those that are not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.graphs import (
    EMBEDDED,
    EMBEDDED_SETS,
    PUBLIC,
    PUBLIC_SETS,
    SETS,
    Graph,
    GraphError,
    GraphNotFound,
    from_arrays,
    keep_own,
    kept_at,
    load_graph,
    row_normalized,
    write_npz,
)
from engine.spec import GraphSpec


def own() -> Graph:
    x = np.arange(60).reshape(30, 2)
    return from_arrays(edge_index=[[0, 1], [1, 2]], y=np.arange(30) % 3, x=x, name="mine")


@pytest.mark.parametrize("name", EMBEDDED + EMBEDDED_SETS)
def test_embedded_graphs_need_no_folder(name: str, tmp_path: Path) -> None:
    graph = load_graph(GraphSpec(name=name, normalize=True), tmp_path / "none")
    assert (graph.name, graph.is_set) == (name, name in SETS)
    raw = load_graph(GraphSpec(name=name, normalize=False))
    np.testing.assert_array_equal(abs(graph.x - row_normalized(raw.x)).sum(), 0)
    assert graph.digest != raw.digest or name == "karate"
    assert load_graph(GraphSpec(name=name)).digest == raw.digest
    assert not (tmp_path / "none").exists()


def test_hubs_takes_its_options() -> None:
    assert load_graph(GraphSpec(name="hubs")).nodes == 2000
    small = load_graph(GraphSpec(name="hubs", nodes=5000, exponent=4.0))
    assert small.nodes == 5000
    large = load_graph(GraphSpec(name="hubs", nodes=5000))
    assert small.in_degree.max() < large.in_degree.max() / 2


def test_own_graph_by_its_digest(tmp_path: Path) -> None:
    graph = own()
    spec = keep_own(graph, tmp_path)
    assert spec == GraphSpec(name=f"own:{graph.digest}")
    assert kept_at(spec.name, tmp_path) == tmp_path / "graphs" / f"{graph.digest}.npz"
    again = load_graph(spec, tmp_path)
    assert (again.name, again.digest) == ("mine", graph.digest)
    divided = load_graph(GraphSpec(name=spec.name, normalize=True), tmp_path)
    np.testing.assert_allclose(divided.x.sum(axis=1), 1, rtol=1e-6)


def test_own_graph_with_other_content_is_refused(tmp_path: Path) -> None:
    spec = keep_own(own(), tmp_path)
    other = from_arrays(edge_index=[[0], [1]], y=np.arange(30) % 3)
    write_npz(kept_at(spec.name, tmp_path), other)
    with pytest.raises(GraphError, match="damaged: its content does not have the digest"):
        load_graph(spec, tmp_path)


def test_public_graph_once_kept(tmp_path: Path) -> None:
    spec = GraphSpec(name="Cora", normalize=False)
    with pytest.raises(GraphNotFound, match=r"Cora is not kept in .*graphs.* digits-knn"):
        load_graph(spec, tmp_path)
    write_npz(kept_at("Cora", tmp_path), own())
    assert load_graph(spec, tmp_path).digest == own().digest
    assert load_graph(GraphSpec(name="Cora"), tmp_path).digest != own().digest


def own_set() -> Graph:
    edges = [[0, 2], [1, 1]]
    return from_arrays(edge_index=edges, y=np.arange(30) % 3, starts=np.arange(31) * 4)


def test_own_set_by_its_digest(tmp_path: Path) -> None:
    spec = keep_own(own_set(), tmp_path)
    assert load_graph(spec, tmp_path).digest == own_set().digest


def test_sets_are_told_from_graphs() -> None:
    assert set(EMBEDDED_SETS + PUBLIC_SETS) == set(SETS)
    assert not set(EMBEDDED + PUBLIC) & set(SETS)


def test_a_kept_set_is_split_by_fold(tmp_path: Path) -> None:
    write_npz(kept_at("MUTAG", tmp_path), own_set())
    kept = load_graph(GraphSpec(name="MUTAG"), tmp_path)
    assert kept.digest == own_set().digest
    folds = [load_graph(GraphSpec(name="MUTAG", fold=fold), tmp_path) for fold in range(10)]
    tested = sum(graph.test.astype(int) for graph in folds)
    np.testing.assert_array_equal(tested, np.ones(30))
    assert {(int(graph.test.sum()), int(graph.val.sum())) for graph in folds} == {(3, 3)}


def test_a_large_share_is_learned_from_where_a_spec_says_so(tmp_path: Path) -> None:
    own, large = (load_graph(GraphSpec(name="karate", split=split)) for split in ("own", "large"))
    parts = [large.y[mask].tolist() for mask in (large.train, large.val, large.test)]
    assert [[part.count(label) for label in range(4)] for part in parts] == [
        [8, 7, 2, 3],
        [2, 2, 1, 1],
        [3, 3, 1, 1],
    ]
    assert own.train.sum() < large.train.sum()
    np.testing.assert_array_equal(own.edge_index, large.edge_index)
    folder = keep_own(own_set(), tmp_path)
    with pytest.raises(GraphError, match="is a set of graphs, wanted nodes of classes"):
        load_graph(replace(folder, split="large"), tmp_path)


def test_damaged_file(tmp_path: Path) -> None:
    path = kept_at("Cora", tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"no zip")
    with pytest.raises(GraphError, match="damaged") as caught:
        load_graph(GraphSpec(name="Cora"), tmp_path)
    assert not isinstance(caught.value, GraphNotFound)


@pytest.mark.parametrize(
    "name", ["cora", "own:", "own:../../secret", "own:" + "A" * 64, "own:" + "0" * 64 + "\n", "..x"]
)
def test_unknown_names_list_the_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(GraphNotFound, match="there are digits-knn, karate, hubs, Cora"):
        load_graph(GraphSpec(name=name), tmp_path)


def test_without_a_folder_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    spec = keep_own(own())
    assert load_graph(spec).name == "mine"
    assert tmp_path in kept_at(spec.name).parents
