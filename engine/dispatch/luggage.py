"""What a run needs beside its spec, as bytes that travel to whoever carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.graphs.catalogue import EMBEDDED, EMBEDDED_SETS, kept_at
from engine.runs import RunStore, pack
from engine.spec import OwnModel, RunSpec, float_twin


@dataclass(frozen=True, kw_only=True, slots=True)
class Luggage:
    """What a run needs of the store of whoever asks for it.

    Args:
        files: Graph and model, by their path in a store.
        runs: The packed float run that it starts or learns from, if any, by its key.
    """

    files: Mapping[str, bytes]
    runs: Mapping[str, bytes]

    def put_into(self, store: RunStore) -> None:
        """Put everything into another store."""
        for path, held in self.files.items():
            target = store.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(held)
        for key, packed in self.runs.items():
            store.adopt(key, packed)


def label(spec: RunSpec) -> tuple[str, str, str]:
    """Return what tells luggage from other luggage: graph, own model, float run."""
    own = spec.model.name if isinstance(spec.model, OwnModel) else ""
    return spec.graph.name, own, float_twin(spec).key if spec.training.needs_float else ""


def luggage_of(spec: RunSpec, store: RunStore) -> Luggage:
    """Return what a run needs; a public graph that the store does not keep is fetched.

    Args:
        spec: The run.
        store: It answers the float run, where one is needed.

    Raises:
        GraphError: If the graph cannot be had.
        OSError: If a file cannot be read.
    """
    graph, model, twin = label(spec)
    files = []
    if graph not in EMBEDDED + EMBEDDED_SETS:
        files.append(_kept(spec, store.folder))
    if model:
        files.append(store.folder / "models" / f"{model.removeprefix('own:')}.npz")
    runs = {}
    if twin:
        found = store.answer(twin)
        assert found is not None
        runs[twin] = pack(found)
    return Luggage(
        files={file.relative_to(store.folder).as_posix(): file.read_bytes() for file in files},
        runs=runs,
    )


def _kept(spec: RunSpec, folder: Path) -> Path:
    """Return the file that keeps a run's graph, once it is there."""
    file = kept_at(spec.graph.name, folder)
    if not file.exists():
        from engine.learning.datasets import fetch

        fetch(spec.graph, folder)
    return file
