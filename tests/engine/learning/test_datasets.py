"""Public graphs and sets through PyTorch Geometric's classes, from raw files."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array, csr_matrix
from torch_geometric import datasets as pyg
from torch_geometric.data import Batch
from torch_geometric.datasets import amazon

from engine.experiment import complete
from engine.graphs import PUBLIC_SETS, Graph, GraphError, GraphNotFound, kept_at, load_graph
from engine.graphs.splits import fold_split
from engine.learning.datasets import FAMILY, SHA256, fetch, raw_files, raw_folder
from engine.runs import RunStore
from engine.spec import GraphSpec, ModelSpec, TrainingSpec, scheme

REAL_DATA = os.environ.get("GRAPHBITS_DATA")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test an empty cache of the user and no data folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GRAPHBITS_DATA", raising=False)
    return tmp_path / "cache" / "graphbits"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAPHBITS_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def write_benchmark(root: Path, name: str) -> csr_matrix:
    """Write a small file of the layout that Amazon and Coauthor read; return its features."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    x = csr_matrix(rng.poisson(0.05, (300, 50)).astype(np.float32))
    adjacency = csr_matrix(rng.random((300, 300)) < 0.01).astype(np.float32)
    raw = raw_folder(root, name)
    raw.mkdir(parents=True)
    np.savez(
        raw / raw_files(name)[0],
        labels=y,
        **{f"attr_{part}": getattr(x, part) for part in ("data", "indices", "indptr", "shape")},
        **{
            f"adj_{part}": getattr(adjacency, part)
            for part in ("data", "indices", "indptr", "shape")
        },
    )
    return x


def write_planetoid(root: Path, name: str, graph: Any = None) -> None:
    """Write small files of the layout that Planetoid reads: 540 nodes and 20 for testing."""
    rng = np.random.default_rng(0)
    one_hot = np.eye(3, dtype=np.int32)[np.arange(560) % 3]
    x = csr_matrix((rng.random((560, 30)) < 0.05).astype(np.float32))
    ring = {node: [(node + 1) % 560, (node - 1) % 560] for node in range(560)}
    parts = {"x": x[:12], "y": one_hot[:12], "allx": x[:540], "ally": one_hot[:540]}
    parts |= {"tx": x[540:], "ty": one_hot[540:], "graph": ring if graph is None else graph}
    raw = raw_folder(root, name)
    raw.mkdir(parents=True)
    for part, value in parts.items():
        (raw / f"ind.{name.lower()}.{part}").write_bytes(pickle.dumps(value))
    test_index = "".join(f"{node}\n" for node in rng.permutation(np.arange(540, 560)))
    (raw / f"ind.{name.lower()}.test.index").write_text(test_index)


def write_tu(root: Path, name: str) -> None:
    """Write small files of the layout that TUDataset reads: 30 rings of 3 to 6 nodes with tails."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 7, 30)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs = []
    for first, size in zip(starts, sizes, strict=False):
        ring = [(first + node, first + (node + 1) % (size - 1)) for node in range(size - 1)]
        pairs += ring + [(target, source) for source, target in ring]
    raw = raw_folder(root, name)
    raw.mkdir(parents=True)

    def write(kind: str, rows: Any) -> None:
        (raw / f"{name}_{kind}.txt").write_text("".join(f"{row}\n" for row in rows))

    write("A", [f"{source + 1}, {target + 1}" for source, target in pairs])
    write("graph_indicator", np.repeat(np.arange(30), sizes) + 1)
    write("graph_labels", rng.permutation([-1, 1, 1] * 10))
    if name != "REDDIT-BINARY":
        write("node_labels", rng.integers(2, 5, starts[-1]))
        write("edge_labels", rng.integers(0, 2, len(pairs)))


def molecule(rng: np.random.Generator) -> dict[str, Any]:
    atoms = int(rng.integers(2, 6))
    bonds = np.triu(rng.integers(0, 3, (atoms, atoms)), 1)
    return {
        "num_atom": atoms,
        "atom_type": torch.from_numpy(rng.integers(0, 28, atoms)).to(torch.int8),
        "bond_type": torch.from_numpy(bonds + bonds.T).to(torch.int8),
        "logP_SA_cycle_normalized": torch.from_numpy(rng.random(1, dtype=np.float32)),
    }


def write_zinc(root: Path, change: dict[str, Any] | None = None) -> None:
    """Write small files of the layout that ZINC reads: 40, 20 and 20 molecules, half in use."""
    rng = np.random.default_rng(0)
    raw = raw_folder(root, "ZINC")
    raw.mkdir(parents=True)
    for part, count in (("train", 40), ("val", 20), ("test", 20)):
        molecules = [molecule(rng) | (change or {}) for _ in range(count)]
        (raw / f"{part}.pickle").write_bytes(pickle.dumps(molecules))
        chosen = rng.permutation(count)[: count // 2]
        (raw / f"{part}.index").write_text(",".join(map(str, chosen)) + "\n")


def write_superpixels(root: Path, name: str, change: dict[str, Any] | None = None) -> None:
    """Write a small file of the layout that GNNBenchmarkDataset reads: 30, 10 and 10 images."""
    generator = torch.Generator().manual_seed(0)
    colours = 3 if name == "CIFAR10Superpixels" else 1

    def image(number: int) -> dict[str, Any]:
        nodes = 3 + number % 3
        edges = torch.randint(0, nodes, (2, 4 * nodes), generator=generator)
        return {
            "x": torch.rand(nodes, colours, generator=generator),
            "edge_index": edges,
            "edge_attr": torch.rand(4 * nodes, 1, generator=generator),
            "y": torch.tensor([number % 10]),
            "pos": torch.rand(nodes, 2, generator=generator),
            **(change or {}),
        }

    raw = raw_folder(root, name)
    raw.mkdir(parents=True)
    splits = [[image(number) for number in range(count)] for count in (30, 10, 10)]
    torch.save(splits, raw / raw_files(name)[0])


def write_set(root: Path, name: str) -> None:
    if name == "ZINC":
        write_zinc(root)
    elif name.endswith("Superpixels"):
        write_superpixels(root, name)
    else:
        write_tu(root, name)


def theirs(root: Path, name: str) -> list[Any]:
    """Return the graphs of each part of a set as PyG's own class loads them."""
    family, title = getattr(pyg, FAMILY[name]), name.removesuffix("Superpixels")
    folder = str(root / FAMILY[name])
    if FAMILY[name] == "TUDataset":
        return [list(family(folder, title))]
    parts = ("train", "val", "test")
    if name == "ZINC":
        return [list(family(folder, subset=True, split=part)) for part in parts]
    return [list(family(folder, title, split=part)) for part in parts]


def trust(monkeypatch: pytest.MonkeyPatch, root: Path, name: str) -> None:
    for file in raw_files(name):
        content = (raw_folder(root, name) / file).read_bytes()
        monkeypatch.setitem(SHA256, file, hashlib.sha256(content).hexdigest())


def tree(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def raw_spec(name: str) -> GraphSpec:
    return GraphSpec(name=name, normalize=False)


@pytest.mark.parametrize("name", ["Photo", "Computers", "CS", "Physics"])
def test_graphs_without_a_public_split(name: str, data: Path, cache: Path, tmp_path: Path) -> None:
    x = write_benchmark(data, name)
    before = tree(data)
    graph = fetch(raw_spec(name), tmp_path)
    assert tree(data) == before
    assert graph.name == name
    assert isinstance(graph.x, csr_array)
    np.testing.assert_array_equal(graph.x.toarray(), x.toarray() > 0)
    assert [np.bincount(graph.y[part]).tolist() for part in (graph.train, graph.val)] == [
        [20] * 3,
        [30] * 3,
    ]
    assert (graph.train | graph.val | graph.test).all()

    shutil.copytree(data, tmp_path / "copy")
    theirs = getattr(pyg, FAMILY[name])(str(tmp_path / "copy" / FAMILY[name]), name)[0]
    np.testing.assert_array_equal(graph.edge_index, theirs.edge_index)
    np.testing.assert_array_equal(graph.y, theirs.y)
    assert tree(cache) == {}


def test_planetoid_keeps_its_public_split(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_planetoid(data, "Cora")
    trust(monkeypatch, data, "Cora")
    graph = fetch(raw_spec("Cora"), tmp_path)
    shutil.copytree(data, tmp_path / "copy")
    theirs = pyg.Planetoid(str(tmp_path / "copy" / "Planetoid"), "Cora")[0]
    np.testing.assert_array_equal(graph.edge_index, theirs.edge_index)
    np.testing.assert_array_equal(graph.y, theirs.y)
    for part in ("train", "val", "test"):
        np.testing.assert_array_equal(getattr(graph, part), theirs[f"{part}_mask"])
    assert (graph.train.sum(), graph.val.sum(), graph.test.sum()) == (12, 500, 20)


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_sets_hold_what_pyg_loads(name: str, data: Path, cache: Path, tmp_path: Path) -> None:
    write_set(data, name)
    before = tree(data)
    graph = fetch(raw_spec(name), tmp_path)
    assert tree(data) == before
    assert tree(cache) == {}
    assert (graph.name, graph.edge_weight) == (name, None)

    shutil.copytree(data, tmp_path / "copy")
    parts = theirs(tmp_path / "copy", name)
    batch = Batch.from_data_list([one for part in parts for one in part])
    np.testing.assert_array_equal(graph.edge_index, batch.edge_index)
    np.testing.assert_array_equal(graph.starts, batch.ptr)
    x = graph.x.toarray() if isinstance(graph.x, csr_array) else graph.x
    if name == "ZINC":
        np.testing.assert_array_equal(x, np.eye(28)[batch.x[:, 0]])
        np.testing.assert_array_equal(graph.targets, batch.y[:, None])
        assert graph.classes == 0
    else:
        np.testing.assert_array_equal(graph.y, batch.y)
        assert graph.classes == (10 if "pos" in batch else 2)
    if name == "REDDIT-BINARY":
        degree = graph.in_degree
        expected = (degree - degree.mean()) / degree.std()
        np.testing.assert_allclose(x[:, 0], expected, rtol=1e-6)
    elif "pos" in batch:
        np.testing.assert_array_equal(x, np.concatenate([batch.x, batch.pos], axis=1))
    elif name != "ZINC":
        np.testing.assert_array_equal(x, batch.x)

    masks = [graph.train, graph.val, graph.test]
    if len(parts) == 3:
        expected_masks = np.repeat(np.eye(3, dtype=bool), [len(part) for part in parts], axis=1)
        np.testing.assert_array_equal(masks, expected_masks)
    else:
        for fold in (None, 7):
            folded = load_graph(GraphSpec(name=name, fold=fold), tmp_path)
            masks = [folded.train, folded.val, folded.test]
            np.testing.assert_array_equal(masks, fold_split(graph.y, fold or 0))


def test_what_is_kept_of_a_set_needs_neither_raw_files_nor_pyg(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_zinc(data)
    graph = fetch(GraphSpec(name="ZINC"), tmp_path)
    shutil.rmtree(data)
    monkeypatch.setattr(pyg, "ZINC", None)
    again = fetch(GraphSpec(name="ZINC"), tmp_path)
    assert (again.digest, again.units, again.outputs) == (graph.digest, 40, 1)


def test_zinc_is_learned_from_its_raw_files_on(data: Path, tmp_path: Path) -> None:
    """From files of ZINC's layout to an integer run that is judged by its error."""
    write_zinc(data)
    spec = scheme(
        "degree-quant",
        bits=8,
        graph=GraphSpec(name="ZINC"),
        model=ModelSpec(operator="gin", hidden=8, pool="sum", dropout=0),
        training=TrainingSpec(epochs=3, batch=8),
    )
    held = complete(spec, RunStore(tmp_path / "store"))
    zinc = fetch(spec.graph, tmp_path / "store")
    integer, targets = held.arrays["output.integer"], zinc.targets[zinc.test]
    assert held.metrics["mae"]["integer"] == pytest.approx(np.abs(integer - targets).mean())
    assert held.metrics["agreement"]["codes_different"] <= 0.001


def test_molecules_may_count_their_atoms_in_numpy(data: Path, tmp_path: Path) -> None:
    write_zinc(data, {"num_atom": np.int64(5)})
    assert fetch(GraphSpec(name="ZINC"), tmp_path).units == 40


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ZINC", {"atom_type": 3}),
        ("ZINC", {"bond_type": torch.ones(9, 9)}),
        ("MNISTSuperpixels", {"x": None}),
        ("MNISTSuperpixels", {"edge_index": torch.tensor([[0], [9]])}),
    ],
)
def test_damaged_sets(name: str, change: dict[str, Any], data: Path, tmp_path: Path) -> None:
    if name == "ZINC":
        write_zinc(data, change | {"num_atom": 3})
    else:
        write_superpixels(data, name, change)
    with pytest.raises(GraphError):
        fetch(GraphSpec(name=name), tmp_path)


def test_atoms_of_unknown_kinds(data: Path, tmp_path: Path) -> None:
    write_zinc(data, {"atom_type": torch.full((6,), 28)})
    with pytest.raises(GraphError, match="not among its 28"):
        fetch(GraphSpec(name="ZINC"), tmp_path)


class Trap:
    """Writes a file when unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "sprung")


@pytest.mark.parametrize("place", ["data", "cache"])
def test_pickles_of_other_content_are_not_opened(
    place: str, data: Path, cache: Path, tmp_path: Path
) -> None:
    write_planetoid({"data": data, "cache": cache}[place], "Cora", Trap(tmp_path / "sprung"))
    with pytest.raises(GraphError, match="not the published file: its sha256 is"):
        fetch(GraphSpec(name="Cora"), tmp_path)
    assert not (tmp_path / "sprung").exists()
    assert not kept_at("Cora", tmp_path).exists()


def forged(trap: Trap) -> Any:
    """Return what looks like a tensor in a pickle, but has another storage."""

    class Storage:
        def __reduce__(self) -> tuple[Any, ...]:
            return torch.storage._load_from_bytes, (pickle.dumps(trap),)

    class Forged:
        def __reduce__(self) -> tuple[Any, ...]:
            return torch._utils._rebuild_tensor_v2, (Storage(), 0, (1,), (1,), False, {})

    return Forged()


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("key", ["num_atom", "atom_type"])
def test_molecules_that_run_something_are_not_opened(
    key: str, deep: bool, data: Path, tmp_path: Path
) -> None:
    trap = Trap(tmp_path / "sprung")
    write_zinc(data, {key: forged(trap) if deep else trap})
    if key == "num_atom" and deep:
        assert fetch(GraphSpec(name="ZINC"), tmp_path).units == 40  # never looked at
    else:
        with pytest.raises(GraphError, match=r"ZINC are damaged|a pickle holds pathlib"):
            fetch(GraphSpec(name="ZINC"), tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_images_that_run_something_are_not_opened(data: Path, tmp_path: Path) -> None:
    write_superpixels(data, "MNISTSuperpixels", {"x": Trap(tmp_path / "sprung")})
    with pytest.raises(GraphError, match="the raw files of MNISTSuperpixels are damaged"):
        fetch(GraphSpec(name="MNISTSuperpixels"), tmp_path)
    assert not (tmp_path / "sprung").exists()


def test_what_is_kept_needs_neither_raw_files_nor_pyg(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_benchmark(data, "Photo")
    graph = fetch(GraphSpec(name="Photo"), tmp_path)
    shutil.rmtree(data)
    monkeypatch.setattr(pyg, "Amazon", None)
    assert fetch(GraphSpec(name="Photo"), tmp_path).digest == graph.digest
    assert load_graph(GraphSpec(name="Photo"), tmp_path).digest == graph.digest
    assert graph.x.data.tolist() == [1] * graph.x.nnz
    normalized = load_graph(GraphSpec(name="Photo", normalize=True), tmp_path)
    np.testing.assert_allclose(normalized.x.sum(axis=1).max(), 1, rtol=1e-6)


def test_what_is_damaged_is_read_anew(data: Path, tmp_path: Path) -> None:
    write_benchmark(data, "Photo")
    graph = fetch(GraphSpec(name="Photo"), tmp_path)
    kept_at("Photo", tmp_path).write_bytes(b"no zip")
    assert fetch(GraphSpec(name="Photo"), tmp_path).digest == graph.digest
    assert load_graph(GraphSpec(name="Photo"), tmp_path).digest == graph.digest


def test_raw_files_in_the_users_cache(data: Path, cache: Path, tmp_path: Path) -> None:
    write_benchmark(cache, "Photo")
    before = tree(cache)
    assert fetch(GraphSpec(name="Photo"), tmp_path).nodes == 300
    assert tree(cache) == before


def test_damaged_raw_files(data: Path, tmp_path: Path) -> None:
    raw = raw_folder(data, "Photo")
    raw.mkdir(parents=True)
    (raw / raw_files("Photo")[0]).write_bytes(b"no zip")
    with pytest.raises(GraphError, match="the raw files of Photo are damaged"):
        fetch(GraphSpec(name="Photo"), tmp_path)


def download_from(root: Path) -> Callable[[str, str], None]:
    def download(url: str, folder: str) -> None:
        shutil.copy(raw_folder(root, "Photo") / url.rpartition("/")[2], folder)

    return download


def test_a_download_is_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_benchmark(tmp_path / "remote", "Photo")
    monkeypatch.setattr(amazon, "download_url", download_from(tmp_path / "remote"))
    assert fetch(GraphSpec(name="Photo"), tmp_path / "one").nodes == 300
    assert tree(cache) == tree(tmp_path / "remote")
    monkeypatch.delattr(amazon, "download_url")
    assert fetch(GraphSpec(name="Photo"), tmp_path / "two").nodes == 300


def test_a_failed_download_says_where_it_looked_and_what_to_do(
    data: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(url: str, folder: str) -> None:
        Path(folder, url.rpartition("/")[2]).write_bytes(b"half")
        raise URLError("Name or service not known")

    monkeypatch.setattr(amazon, "download_url", fail)
    with pytest.raises(GraphNotFound) as caught:
        fetch(GraphSpec(name="Photo"), tmp_path)
    sentence = str(caught.value)
    for root in (data, cache):
        assert str(raw_folder(root, "Photo")) in sentence
    assert "Photo is not here" in sentence
    assert "Name or service not known" in sentence
    assert "GRAPHBITS_DATA" in sentence
    assert tree(cache) == {}


@pytest.mark.parametrize("name", ["digits-knn", "karate", "hubs"])
def test_embedded_graphs_pass_through(name: str, tmp_path: Path) -> None:
    graph = fetch(GraphSpec(name=name), tmp_path)
    assert graph.digest == load_graph(GraphSpec(name=name)).digest
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Corra", "own:" + "0" * 64])
def test_what_cannot_be_fetched(name: str, tmp_path: Path) -> None:
    with pytest.raises(GraphNotFound):
        fetch(GraphSpec(name=name), tmp_path)


def test_every_planetoid_file_has_a_digest() -> None:
    for name in ("Cora", "CiteSeer", "PubMed"):
        parts = {file.removeprefix(f"ind.{name.lower()}.") for file in raw_files(name)}
        assert parts == {"x", "tx", "allx", "y", "ty", "ally", "graph", "test.index"}


@pytest.mark.skipif(REAL_DATA is None, reason="GRAPHBITS_DATA names no raw files")
@pytest.mark.parametrize(
    ("name", "counts", "split", "degrees"),
    [
        ("Cora", (2708, 10556, 1433, 7), (140, 500, 1000), (168, 3, 0)),
        ("CiteSeer", (3327, 9104, 3703, 6), (120, 500, 1000), (99, 2, 48)),
        ("PubMed", (19717, 88648, 500, 3), (60, 500, 1000), (171, 2, 0)),
        ("Photo", (7650, 238162, 745, 8), (160, 240, 7250), (1434, 22, 115)),
        ("Computers", (13752, 491722, 767, 10), (200, 300, 13252), (2992, 22, 281)),
    ],
)
def test_published_graphs(
    name: str,
    counts: tuple[int, ...],
    split: tuple[int, ...],
    degrees: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert REAL_DATA is not None
    monkeypatch.setenv("GRAPHBITS_DATA", REAL_DATA)
    if not raw_folder(Path(REAL_DATA), name).is_dir():
        pytest.skip(f"GRAPHBITS_DATA does not hold {name}")
    graph: Graph = fetch(GraphSpec(name=name), tmp_path)
    degree = graph.in_degree
    assert (graph.nodes, graph.edges, graph.features, graph.classes) == counts
    assert (graph.train.sum(), graph.val.sum(), graph.test.sum()) == split
    assert (degree.max(), np.median(degree), (degree == 0).sum()) == degrees


@pytest.mark.skipif(REAL_DATA is None, reason="GRAPHBITS_DATA names no raw files")
@pytest.mark.parametrize(
    ("name", "counts", "split", "degrees"),
    [
        ("MUTAG", (188, 3371, 7442, 7, 2), (150, 19, 19), (4, 2)),
        ("PROTEINS", (1113, 43471, 162088, 3, 2), (889, 112, 112), (25, 4)),
        ("REDDIT-BINARY", (2000, 859254, 1991016, 1, 2), (1600, 200, 200), (3062, 1)),
    ],
)
def test_published_sets(
    name: str,
    counts: tuple[int, ...],
    split: tuple[int, ...],
    degrees: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert REAL_DATA is not None
    monkeypatch.setenv("GRAPHBITS_DATA", REAL_DATA)
    if not raw_folder(Path(REAL_DATA), name).is_dir():
        pytest.skip(f"GRAPHBITS_DATA does not hold {name}")
    graph: Graph = fetch(GraphSpec(name=name), tmp_path)
    degree = graph.in_degree
    assert (graph.units, graph.nodes, graph.edges, graph.features, graph.classes) == counts
    assert (graph.train.sum(), graph.val.sum(), graph.test.sum()) == split
    assert (degree.max(), np.median(degree)) == degrees
