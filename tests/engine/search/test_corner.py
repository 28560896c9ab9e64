"""Where fronts begin: the float network's bytes, and the best constant answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.experiment import complete
from engine.graphs import Graph
from engine.runs import RunStore
from engine.search import Space, corner_of
from engine.spec import GraphSpec, ModelSpec, TrainingSpec, scheme


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin"])
def test_bytes_are_those_of_the_float_run(tmp_path: Path, karate: Graph, operator: str) -> None:
    model = ModelSpec(operator=operator)  # type: ignore[arg-type]
    graph = GraphSpec(name="karate")
    corner = corner_of(Space(graph=graph, model=model), karate)
    spec = scheme("float", graph=graph, model=model, training=TrainingSpec(epochs=1))
    size = complete(spec, RunStore(tmp_path)).metrics["size"]
    assert (corner.model_bytes, corner.buffer_bytes) == (size["model_bytes"], size["buffer_bytes"])


def test_rank_is_that_of_the_most_frequent_class(karate: Graph) -> None:
    y = karate.y[karate.val]
    assert corner_of(Space(), karate).rank == pytest.approx(np.bincount(y).max() / len(y))


def test_sets_are_judged_by_their_validation_graphs(rings: Graph) -> None:
    model = ModelSpec(operator="gin", pool="mean")
    y = rings.y[rings.val]
    assert corner_of(Space(model=model), rings).rank == pytest.approx(np.bincount(y).max() / len(y))
