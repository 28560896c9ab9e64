"""Public graphs and sets: read once by PyTorch Geometric's classes, kept as files without torch."""

from __future__ import annotations

import io
import os
import pickle
import shutil
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path
from scipy.sparse import csr_array

from engine.graphs.catalogue import PUBLIC, PUBLIC_SETS, GraphNotFound, kept_at, load_graph
from engine.graphs.graph import Graph, GraphError
from engine.graphs.npz import write_npz
from engine.graphs.own import from_arrays
from engine.graphs.pyg import from_data
from engine.graphs.splits import fold_split, split_per_class
from engine.spec import GraphSpec

FAMILY = {
    "Cora": "Planetoid",
    "CiteSeer": "Planetoid",
    "PubMed": "Planetoid",
    "Photo": "Amazon",
    "Computers": "Amazon",
    "CS": "Coauthor",
    "Physics": "Coauthor",
    "MUTAG": "TUDataset",
    "PROTEINS": "TUDataset",
    "REDDIT-BINARY": "TUDataset",
    "ZINC": "ZINC",
    "MNISTSuperpixels": "GNNBenchmarkDataset",
    "CIFAR10Superpixels": "GNNBenchmarkDataset",
}
"""The class in `torch_geometric.datasets` that reads each graph."""

TRAIN_PER_CLASS = 20
VALIDATION_PER_CLASS = 30
SPLIT_SEED = 0

PARTS = ("train", "val", "test")
"""The splits of the sets that have official ones."""

ATOM_TYPES = 28
"""Kinds of atoms in ZINC, hydrogens and charges told apart."""

SHA256 = {
    "ind.citeseer.allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "ind.citeseer.ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "ind.citeseer.graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "ind.citeseer.test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
    "ind.citeseer.tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "ind.citeseer.ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ind.citeseer.x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "ind.citeseer.y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ind.cora.allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "ind.cora.ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "ind.cora.graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "ind.cora.test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
    "ind.cora.tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "ind.cora.ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ind.cora.x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "ind.cora.y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "ind.pubmed.allx": "508e538e2abdccdd54c4d3e9f49d638b4af7107d85845f66ddea5a5152658b7e",
    "ind.pubmed.ally": "0c37bbe3b5014ec365e9d393cf4791925e5ed94fb194305d74f064a8d7b50f0e",
    "ind.pubmed.graph": "5b89f0036ca22909471f1e6558eb42fa06e0c730a577bde5b058b40638f81dc9",
    "ind.pubmed.test.index": "b101d421688bbaecbd82e8a18f1e282378d6830f3a37666f28ebc47f844341b5",
    "ind.pubmed.tx": "4eb5f5d0f30f26497eb0ac6ac9719d09c67e284f1ed0385c93f3ef27a671da3d",
    "ind.pubmed.ty": "ee2e0d4819d9fbcc403689c3bf2e49face401b605932f093bc58ab6461130fdd",
    "ind.pubmed.x": "fbe9cb5c47200d1b7769a26e579be3b7130b556831f9d850e77c4c74f2599b33",
    "ind.pubmed.y": "e6c807633307a07ed659249006536a147c7999c797f11a2560752990181b41b3",
}
"""Digests of the Planetoid files. They are pickles, which can run anything, so only these load."""


def fetch(spec: GraphSpec, folder: str | Path | None = None) -> Graph:
    """Return the graph or set that a spec names, a public one read from its raw files at first.

    Raw files are taken from ``GRAPHBITS_DATA``, else from the user's cache, else downloaded into
    it. What is read is kept under ``folder``, where `load_graph` finds it without torch; what is
    damaged there is read anew.

    Cora, CiteSeer and PubMed keep their public split. Of the other graphs, which have none, 20
    nodes of each class are for training and 30 for validation, drawn with seed 0, and the rest for
    testing. MUTAG, PROTEINS and REDDIT-BINARY are split by `fold_split`; ZINC, in its subset of
    12,000 molecules, and the superpixels of MNIST and CIFAR-10 keep their official splits.

    The features of a set are the kinds of its nodes, one-hot, in MUTAG, PROTEINS and ZINC; a
    superpixel's mean colour and then its position; and, in REDDIT-BINARY, which has none, the
    in-degree, standardised over all nodes. Attributes of the edges (kinds of bonds, distances) are
    left aside.

    Args:
        spec: The graph's name and options.
        folder: Where graphs are kept, under ``graphs``; the user's cache if None.

    Raises:
        GraphNotFound: If there is no such graph, or it can be neither found nor downloaded.
        GraphError: If its raw files are damaged or not the ones they should be.
        OSError: If it cannot be kept.
    """
    try:
        return load_graph(spec, folder)
    except GraphError:
        if spec.name not in PUBLIC + PUBLIC_SETS:
            raise
    write_npz(kept_at(spec.name, folder), _read(spec.name))
    return load_graph(spec, folder)


def _read(name: str) -> Graph:
    cache = user_cache_path("graphbits", ensure_exists=True)
    data = os.environ.get("GRAPHBITS_DATA")
    searched = [raw_folder(Path(data), name)] if data else []
    searched.append(raw_folder(cache, name))
    found = next((raw for raw in searched if _has_all(raw, name)), None)
    # PyG writes beside the raw files, and takes a half-written file for a whole one.
    with TemporaryDirectory(prefix="reading-", dir=cache) as staging:
        staged = raw_folder(Path(staging), name)
        staged.mkdir(parents=True)
        if found is not None:
            _copy(found, staged, name)
        graph = _with_pyg(name, Path(staging), searched)
        if found is None:
            searched[-1].mkdir(parents=True, exist_ok=True)
            for file in raw_files(name):
                (staged / file).replace(searched[-1] / file)
    return graph


def raw_folder(root: Path, name: str) -> Path:
    """Return where a graph's raw files lie under a root, in PyG's own layout."""
    own = () if FAMILY[name] == "ZINC" else (_title(name),)
    return Path(root, FAMILY[name], *own, "raw")


def raw_files(name: str) -> tuple[str, ...]:
    """Return the names of a graph's raw files, those that are left aside not among them."""
    match FAMILY[name]:
        case "Planetoid":
            return tuple(file for file in SHA256 if file.startswith(f"ind.{name.lower()}."))
        case "Amazon":
            return (f"amazon_electronics_{name.lower()}.npz",)
        case "Coauthor":
            return (f"ms_academic_{name[:3].lower()}.npz",)
        case "ZINC":
            return tuple(f"{part}.{kind}" for part in PARTS for kind in ("pickle", "index"))
        case "GNNBenchmarkDataset":
            return (f"{_title(name)}_v2.pt",)
    kinds = ["A", "graph_indicator", "graph_labels"] + ["node_labels"] * (name != "REDDIT-BINARY")
    return tuple(f"{name}_{kind}.txt" for kind in kinds)


def _title(name: str) -> str:
    """Return what PyG's class calls a graph."""
    return name.removesuffix("Superpixels")


def _has_all(raw: Path, name: str) -> bool:
    return all((raw / file).is_file() for file in raw_files(name))


def _copy(raw: Path, staged: Path, name: str) -> None:
    for file in raw_files(name):
        shutil.copyfile(raw / file, staged / file)


def _with_pyg(name: str, root: Path, searched: list[Path]) -> Graph:
    family = _checked(name, searched)
    try:
        return _graph(name, family, str(root / FAMILY[name]))
    except GraphError:
        raise
    except Exception as error:  # PyG checks nothing, and stumbles in many ways
        raise GraphError(f"the raw files of {name} are damaged ({error})") from error


def _graph(name: str, family: Any, folder: str) -> Graph:
    match FAMILY[name]:
        case "Planetoid":
            return from_data(family(folder, name)[0], name=name)
        case "TUDataset":
            arrays = _side_by_side([family(folder, name)])
            return _set(name, arrays, fold_split(arrays["y"], 0))
        case "ZINC":
            parts = [family(folder, subset=True, split=part) for part in PARTS]
            arrays = _side_by_side(parts)
            arrays |= {"x": _one_hot(arrays["x"]), "targets": arrays["y"], "y": None}
            return _set(name, arrays, _official_split(parts))
        case "GNNBenchmarkDataset":
            parts = [family(folder, _title(name), split=part) for part in PARTS]
            return _set(name, _side_by_side(parts), _official_split(parts))
    data = family(folder, name)[0]
    y = data.y.numpy()
    masks = split_per_class(y, TRAIN_PER_CLASS, VALIDATION_PER_CLASS, SPLIT_SEED)
    data.train_mask, data.val_mask, data.test_mask = masks
    return from_data(data, name=name)


def _checked(name: str, searched: list[Path]) -> Any:
    """Return the class that reads a graph, made safe to give it files from anywhere."""
    from torch_geometric import datasets

    family = getattr(datasets, FAMILY[name])

    class Checked(family):  # type: ignore[misc,valid-type]
        """Downloads and processes as its parent does, but runs no pickle that is not checked."""

        def download(self) -> None:
            try:
                super().download()
            except Exception as error:  # the network fails in a library's every way
                raise GraphNotFound(
                    f"{name} is not here: its raw files are neither in "
                    f"{' nor in '.join(map(str, searched))}, and the download failed ({error}). "
                    "Connect and try again, or put the files into a folder of that layout and "
                    "name its root in GRAPHBITS_DATA"
                ) from error

        def process(self) -> None:
            raw = [Path(self.raw_dir, file) for file in raw_files(name)]
            if FAMILY[name] in OPENED:
                parts = OPENED[FAMILY[name]](raw)
                for graphs, path in zip(parts, self.processed_paths, strict=True):
                    self.save(graphs, path)
                return
            for path in raw:
                _check_digest(path)
            super().process()

    return Checked


def _set(name: str, arrays: dict[str, Any], split: Sequence[NDArray[np.bool_]]) -> Graph:
    train, val, test = split
    return from_arrays(**arrays, train=train, val=val, test=test, name=name)


def _side_by_side(parts: list[Any]) -> dict[str, Any]:
    """Return the arrays of the graphs in some data sets as `from_arrays` takes those of a set.

    PyG keeps the graphs of a data set as one, with numbers that say where each begins.
    """
    arrays: dict[str, list[NDArray[Any]]] = {"edge_index": [], "x": [], "y": []}
    nodes: list[NDArray[np.int64]] = []
    edges: list[NDArray[np.int64]] = []
    for part in parts:
        data, slices = part._data, part.slices
        edges.append(np.diff(slices["edge_index"].numpy()))
        nodes.append(np.diff(slices["x"].numpy()) if "x" in slices else np.array(data._num_nodes))
        arrays["edge_index"].append(data.edge_index.numpy())
        arrays["y"].append(data.y.numpy())
        if "x" in slices:
            columns = [data.x, data.pos] if "pos" in slices else [data.x]
            arrays["x"].append(np.concatenate([column.numpy() for column in columns], axis=1))
    starts = np.concatenate([[0], np.cumsum(np.concatenate(nodes))])
    edge_index = np.concatenate(arrays["edge_index"], axis=1)
    return {
        "edge_index": edge_index + np.repeat(starts[:-1], np.concatenate(edges)),
        "x": np.concatenate(arrays["x"]) if arrays["x"] else None,
        "y": np.concatenate(arrays["y"]),
        "starts": starts,
    }


def _one_hot(atoms: NDArray[np.int64]) -> csr_array:
    """Return the kinds of atoms, [N, 1], as rows of `ATOM_TYPES` entries of which one is 1."""
    if atoms.min() < 0 or atoms.max() >= ATOM_TYPES:
        raise GraphError(f"ZINC holds atoms of kinds that are not among its {ATOM_TYPES}")
    ones = np.ones(len(atoms), dtype=np.float32)
    return csr_array((ones, atoms[:, 0], np.arange(len(atoms) + 1)), shape=(len(atoms), ATOM_TYPES))


def _official_split(parts: list[Any]) -> list[NDArray[np.bool_]]:
    """Return the masks of graphs that are in one data set after another."""
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    return [part_of == part for part in range(len(parts))]


def _molecules(raw: list[Path]) -> list[list[Any]]:
    """Return the molecules of ZINC's subset, in its three splits, as PyG's class builds them.

    The files hold 20 times as many: only those of the subset are made into tensors.
    """
    from torch_geometric.data import Data

    splits = []
    for molecules, chosen in zip(raw[::2], raw[1::2], strict=True):
        with molecules.open("rb") as file:
            held = _Tensors(file).load()
        graphs = []
        for index in chosen.read_text().strip().split(","):
            molecule = held[int(index)]
            atoms, bonds, target = (_tensor(*molecule[key]) for key in MOLECULE)
            graphs.append(Data(x=atoms.long()[:, None], edge_index=bonds.nonzero().T, y=target))
        splits.append(graphs)
    return splits


MOLECULE = ("atom_type", "bond_type", "logP_SA_cycle_normalized")


def _superpixels(raw: list[Path]) -> list[list[Any]]:
    """Return the graphs of images, in their three splits, as PyG's class builds them."""
    import torch
    from torch_geometric.data import Data

    splits = torch.load(raw[0], weights_only=True)
    keys = ("x", "pos", "edge_index", "y")
    return [[Data(**{key: image[key] for key in keys}) for image in split] for split in splits]


OPENED: dict[str, Callable[[list[Path]], list[list[Any]]]] = {
    "ZINC": _molecules,
    "GNNBenchmarkDataset": _superpixels,
}
"""Who opens pickles of unknown digest: PyG's classes would run what a forged one tells them to."""


class _Tensors(pickle.Unpickler):
    """Opens pickles of tensors and numbers, and no others; a tensor is what `_tensor` takes."""

    def find_class(self, module: str, name: str) -> Any:
        found = f"{module}.{name}"
        if found not in TENSOR_PARTS:
            raise GraphError(f"a pickle holds {found}, wanted tensors only; it is not opened")
        return TENSOR_PARTS[found]


def _kept(*parts: Any) -> tuple[Any, ...]:
    return parts


TENSOR_PARTS = {
    "torch._utils._rebuild_tensor_v2": _kept,
    "torch.storage._load_from_bytes": bytes,
    "collections.OrderedDict": OrderedDict,
    "numpy.dtype": np.dtype,
    "numpy.core.multiarray.scalar": _kept,
    "numpy._core.multiarray.scalar": _kept,
}


def _tensor(content: bytes, *view: Any) -> Any:
    """Return the tensor that torch would make of what its pickle holds: a storage, and a view."""
    import torch

    storage = torch.load(io.BytesIO(content), weights_only=True)
    # The name that stands in the pickle.
    return torch._utils._rebuild_tensor_v2(storage, *view)  # type: ignore[no-untyped-call]


def _check_digest(path: Path) -> None:
    if path.name not in SHA256:
        return
    found = sha256(path.read_bytes()).hexdigest()
    if found != SHA256[path.name]:
        raise GraphError(
            f"{path.name} is not the published file: its sha256 is {found}, "
            f"wanted {SHA256[path.name]}; it is a pickle, so it is not opened"
        )
