"""What a person may give an explorer, and what is said of what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv

from engine.conversion import ConversionError
from engine.graphs.catalogue import keep_own, load_graph
from engine.graphs.graph import GraphError
from engine.graphs.npz import write_npz
from engine.spec import GraphSpec, SpecError
from explorer.given import given_graph, given_model


def club() -> nx.Graph:
    made = nx.karate_club_graph()
    for node, data in made.nodes(data=True):
        data["y"], data["x"] = data["club"], [1.0, float(node % 3)]
    return made


def test_graphs_of_every_make_are_kept(tmp_path: Path) -> None:
    karate = load_graph(GraphSpec(name="karate"))
    write_npz(tmp_path / "mine.npz", karate)
    data = Data(edge_index=torch.from_numpy(karate.edge_index), y=torch.from_numpy(karate.y))
    small = [
        Data(edge_index=data.edge_index, x=torch.ones(34, 1), y=torch.tensor(at % 2))
        for at in range(20)
    ]
    for given in (club(), tmp_path / "mine.npz", str(tmp_path / "mine.npz"), data, karate, small):
        spec, graph = given_graph(given, tmp_path)
        assert spec == keep_own(graph, tmp_path)
        assert load_graph(spec, tmp_path).digest == graph.digest
        assert graph.is_set == (given is small)


def test_names_are_graphs_of_the_list(tmp_path: Path) -> None:
    spec, graph = given_graph("karate", tmp_path)
    assert (spec, graph.nodes) == (GraphSpec(name="karate"), 34)
    assert given_graph("Cora", tmp_path) == (GraphSpec(name="Cora"), None)
    assert not (tmp_path / "graphs").exists()


@pytest.mark.parametrize("given", [nx.path_graph(4), [], Data(y=torch.ones(3))])
def test_graphs_that_cannot_be_learned_on(given: Any, tmp_path: Path) -> None:
    with pytest.raises(GraphError):
        given_graph(given, tmp_path)


class Strange(nn.Module):
    """A convolution that has no counterpart, after one that has."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.pixels = GCNConv(3, 3), nn.Conv1d(3, 3, 1)

    def forward(self, x: Any, edge_index: Any) -> Any:
        return self.pixels(self.first(x, edge_index))


def test_models_are_kept_and_known_again(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = given_model(nn.Linear(5, 2), tmp_path)
    assert (model.features, model.outputs) == (5, 2)
    assert given_model(model, tmp_path) is model
    assert (tmp_path / "models" / f"{model.name[4:]}.npz").is_file()


def test_models_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="pixels: Conv1d has no counterpart here; wanted GCN"):
        given_model(Strange(), tmp_path)
    for odd in (3, "model.pt", np.ones(3), {"weight": 1}):
        with pytest.raises(SpecError, match="accepts a trained PyTorch Geometric model"):
            given_model(odd, tmp_path)
