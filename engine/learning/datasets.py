"""Public graphs by name: read once by PyTorch Geometric's classes, kept as files without torch."""

from __future__ import annotations

import os
import shutil
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platformdirs import user_cache_path

from engine.graphs.catalogue import PUBLIC, GraphNotFound, kept_at, load_graph
from engine.graphs.graph import Graph, GraphError
from engine.graphs.npz import write_npz
from engine.graphs.own import from_data
from engine.graphs.splits import split_per_class
from engine.spec import GraphSpec

FAMILY = {
    "Cora": "Planetoid",
    "CiteSeer": "Planetoid",
    "PubMed": "Planetoid",
    "Photo": "Amazon",
    "Computers": "Amazon",
    "CS": "Coauthor",
    "Physics": "Coauthor",
}
"""The class in `torch_geometric.datasets` that reads each graph."""

TRAIN_PER_CLASS = 20
VALIDATION_PER_CLASS = 30
SPLIT_SEED = 0

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
    """Return the graph that a spec names, a public one read from its raw files the first time.

    Raw files are taken from ``GRAPHBITS_DATA``, else from the user's cache, else downloaded into
    it. What is read is kept under ``folder``, where `load_graph` finds it without torch; what is
    damaged there is read anew. Cora, CiteSeer and PubMed keep their public split. Of the others,
    which have none, 20 nodes of each class are for training and 30 for validation, drawn with seed
    0, and the rest for testing.

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
        if spec.name not in PUBLIC:
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
    return root / FAMILY[name] / name / "raw"


def raw_files(name: str) -> tuple[str, ...]:
    """Return the names of a graph's raw files."""
    if FAMILY[name] == "Planetoid":
        return tuple(file for file in SHA256 if file.startswith(f"ind.{name.lower()}."))
    if FAMILY[name] == "Amazon":
        return (f"amazon_electronics_{name.lower()}.npz",)
    return (f"ms_academic_{name[:3].lower()}.npz",)


def _has_all(raw: Path, name: str) -> bool:
    return all((raw / file).is_file() for file in raw_files(name))


def _copy(raw: Path, staged: Path, name: str) -> None:
    for file in raw_files(name):
        shutil.copyfile(raw / file, staged / file)


def _with_pyg(name: str, root: Path, searched: list[Path]) -> Graph:
    from torch_geometric import datasets

    family = getattr(datasets, FAMILY[name])

    class Checked(family):  # type: ignore[misc,valid-type]
        """The graph's own class, with sentences for what can go wrong and pickles checked."""

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
            for file in raw_files(name):
                _check_digest(Path(self.raw_dir, file))
            try:
                super().process()
            except Exception as error:
                raise GraphError(f"the raw files of {name} are damaged ({error})") from error

    data: Any = Checked(root=str(root / FAMILY[name]), name=name)[0]
    if FAMILY[name] != "Planetoid":
        y = data.y.numpy()
        masks = split_per_class(y, TRAIN_PER_CLASS, VALIDATION_PER_CLASS, SPLIT_SEED)
        data.train_mask, data.val_mask, data.test_mask = masks
    return from_data(data, name=name)


def _check_digest(path: Path) -> None:
    if path.name not in SHA256:
        return
    found = sha256(path.read_bytes()).hexdigest()
    if found != SHA256[path.name]:
        raise GraphError(
            f"{path.name} is not the published file: its sha256 is {found}, "
            f"wanted {SHA256[path.name]}; it is a pickle, so it is not opened"
        )
