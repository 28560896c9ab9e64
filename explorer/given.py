"""What a person gives an explorer, a graph or a trained model of their own, kept in its store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.graphs.catalogue import EMBEDDED, PUBLIC, SETS, GraphNotFound, keep_own, load_graph
from engine.graphs.graph import Graph
from engine.graphs.npz import read_npz
from engine.graphs.own import from_networkx
from engine.graphs.pyg import from_data
from engine.spec import GraphSpec, OwnModel, SpecError

LISTED = (*EMBEDDED, *PUBLIC, *SETS)


def given_graph(given: Any, folder: Path) -> tuple[GraphSpec, Graph | None]:
    """Return the spec of a graph, and the graph, None where it is a public one yet to be fetched.

    Args:
        given: A `Graph`, a PyG ``Data`` or a list of them, a networkx graph, the path of an
            ``.npz`` file, or a name of `LISTED`; all but those are kept.
        folder: The store's.

    Raises:
        GraphError: If it cannot be learned on.
        OSError: If it cannot be read or kept.
    """
    if isinstance(given, str) and given in LISTED:
        spec = GraphSpec(name=given)
        try:
            return spec, load_graph(spec, folder)
        except GraphNotFound:
            return spec, None
    graph = _own(given)
    return keep_own(graph, folder), graph


def given_model(given: Any, folder: Path) -> OwnModel:
    """Return a person's trained model as a value, its weights kept.

    This alone loads PyTorch into the explorer's process, where whoever has a model has it already.

    Args:
        given: A PyTorch Geometric model that `engine.conversion.quantize` takes, or what
            `engine.conversion.keep` made of one.
        folder: The store's.

    Raises:
        ConversionError: Naming what has no counterpart here, and where it stands in the model.
        SpecError: If it is no model at all.
        OSError: If it cannot be kept.
    """
    if isinstance(given, OwnModel):
        return given
    if not callable(getattr(given, "forward", None)) or not hasattr(given, "state_dict"):
        raise SpecError("model", type(given).__name__, "a trained PyTorch Geometric model")
    from engine.conversion import keep

    return keep(given, folder)


def _own(given: Any) -> Graph:
    if isinstance(given, Graph):
        return given
    if isinstance(given, str | Path):
        return read_npz(Path(given))
    if hasattr(given, "edge_index") or isinstance(given, Sequence):
        return from_data(given)
    return from_networkx(given)
