"""Kept models: the scores of the model that was kept, from the value and the store alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch_geometric import nn as pyg

from engine.conversion import ConversionError, keep
from engine.graphs import Graph
from engine.learning.batch import Batch
from engine.learning.network import Network
from engine.learning.own import restore
from engine.spec import LayerQuant


@pytest.mark.parametrize(
    "model",
    [
        pyg.models.GAT(64, 12, 2, 10, heads=3),
        pyg.models.GIN(64, 12, 2, 10, norm="batch_norm"),
        nn.Linear(64, 10),
    ],
    ids=["GAT", "GIN", "a linear map alone"],
)
def test_a_kept_model_gives_the_same_scores(
    model: nn.Module, digits: Graph, tmp_path: Path
) -> None:
    model.eval()
    kept = keep(model, tmp_path)
    network = Network(kept.layers, [LayerQuant()] * kept.depth)
    restore(network, kept, tmp_path)
    network.eval()
    batch = Batch.of(digits)
    edges = [] if isinstance(model, nn.Linear) else [torch.from_numpy(digits.edge_index)]
    with torch.no_grad():
        expected = model(torch.from_numpy(digits.x), *edges)
        found = network(batch.x, batch.adjacencies)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_what_cannot_be_converted_is_named_and_nothing_kept(tmp_path: Path) -> None:
    model = pyg.models.GCN(64, 12, 2, 10)
    model.convs[1] = pyg.ChebConv(12, 10, 2)
    with pytest.raises(ConversionError, match=r"convs\.1: ChebConv has no counterpart"):
        keep(model, tmp_path)
    assert not list(tmp_path.iterdir())
