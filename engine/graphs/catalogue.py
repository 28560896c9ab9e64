"""The graphs and sets of graphs by name: which there are, and how to load one without torch."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from platformdirs import user_cache_path

from engine.graphs.digits import digits_knn
from engine.graphs.features import row_normalized
from engine.graphs.graph import Graph, GraphError
from engine.graphs.hubs import hubs
from engine.graphs.karate import karate
from engine.graphs.npz import read_npz, write_npz
from engine.graphs.slant import digits_slant
from engine.graphs.splits import fold_split, large_split
from engine.graphs.superpixels import digits_superpixels
from engine.spec import GraphSpec
from engine.spec.run import FOLDED

EMBEDDED = ("digits-knn", "karate", "hubs")
"""Graphs that are always there."""

PUBLIC = ("Cora", "CiteSeer", "PubMed", "Photo", "Computers", "CS", "Physics")
"""Graphs that PyTorch Geometric's classes load; after the first time they need no torch."""

EMBEDDED_SETS = ("digits-superpixels", "digits-slant")
"""Sets of graphs that are always there."""

PUBLIC_SETS = (*FOLDED, "ZINC", "MNISTSuperpixels", "CIFAR10Superpixels")
"""Sets of graphs that PyTorch Geometric's classes load, like `PUBLIC` graphs."""

SETS = EMBEDDED_SETS + PUBLIC_SETS
"""Sets of graphs, whose labels are the graphs' and not the nodes'."""

HUBS_NODES = 2000
HUBS_EXPONENT = 2.5
"""The size and the power law of ``hubs`` where a spec names none."""

_OWN = re.compile(r"own:([0-9a-f]{64})")


class GraphNotFound(GraphError):
    """There is no graph of that name here; the text says which there are."""


def load_graph(spec: GraphSpec, folder: str | Path | None = None) -> Graph:
    """Return the graph or set that a spec names, its rows normalised if the spec says so.

    Args:
        spec: The graph's name and options.
        folder: Where public and own graphs are kept, under ``graphs``; the user's cache if None.

    Raises:
        GraphNotFound: If the name is unknown or nothing is kept under it.
        GraphError: If what is kept is damaged, or has no choice of a split.
        OSError: If it cannot be opened.
    """
    graph = _split(_load(spec, folder), spec)
    return replace(graph, x=row_normalized(graph.x)) if spec.normalizes else graph


def keep_own(graph: Graph, folder: str | Path | None = None) -> GraphSpec:
    """Keep a person's graph and return the spec that names it by its content.

    Args:
        graph: The graph.
        folder: Where to keep it, under ``graphs``; the user's cache if None.

    Raises:
        OSError: If it cannot be written.
    """
    spec = GraphSpec(name=f"own:{graph.digest}")
    write_npz(kept_at(spec.name, folder), graph)
    return spec


def kept_at(name: str, folder: str | Path | None = None) -> Path:
    """Return the file that keeps a public or own graph.

    Args:
        name: One of `PUBLIC` or `PUBLIC_SETS`, or ``own:<sha256>``.
        folder: Where graphs are kept, under ``graphs``; the user's cache if None.

    Raises:
        GraphNotFound: If no graph of that name is ever kept.
    """
    own = _OWN.fullmatch(name)
    if name not in PUBLIC + PUBLIC_SETS and not own:
        raise GraphNotFound(
            f"there is no graph {name!r}; there are {', '.join(EMBEDDED + PUBLIC)}, the sets "
            f"{', '.join(SETS)}, and own:<sha256> for a graph or set of your own"
        )
    folder = user_cache_path("graphbits") if folder is None else Path(folder)
    return folder / "graphs" / f"{own[1] if own else name}.npz"


def _load(spec: GraphSpec, folder: str | Path | None) -> Graph:
    if spec.name == "digits-knn":
        return digits_knn()
    if spec.name == "karate":
        return karate()
    if spec.name == "hubs":
        return hubs(
            HUBS_NODES if spec.nodes is None else spec.nodes,
            HUBS_EXPONENT if spec.exponent is None else spec.exponent,
        )
    if spec.name == "digits-superpixels":
        return digits_superpixels()
    if spec.name == "digits-slant":
        return digits_slant()
    path = kept_at(spec.name, folder)
    try:
        graph = read_npz(path)
    except FileNotFoundError:
        known = ", ".join(EMBEDDED + EMBEDDED_SETS)
        raise GraphNotFound(
            f"{spec.name} is not kept in {path.parent}: a public graph is fetched by its first "
            f"run, an own one kept by `keep_own`; always there are {known}"
        ) from None
    if _OWN.fullmatch(spec.name) and spec.name != f"own:{graph.digest}":
        raise GraphError(f"{path} is damaged: its content does not have the digest it is named by")
    return graph


def _split(graph: Graph, spec: GraphSpec) -> Graph:
    """Return a graph or set divided as a spec says, where it does not have its own split."""
    if spec.fold is not None:
        train, val, test = fold_split(graph.y, spec.fold)
    elif spec.split == "large":
        if graph.is_set or graph.targets is not None:
            kind = "a set of graphs" if graph.is_set else "a graph whose nodes have no classes"
            raise GraphError(
                f"{graph.name} is {kind}, wanted nodes of classes to split 60 : 20 : 20"
            )
        train, val, test = large_split(graph.y)
    else:
        return graph
    return replace(graph, train=train, val=val, test=test)
