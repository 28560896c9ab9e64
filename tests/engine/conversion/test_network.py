"""Converted models: the scores of the model they come from, and a path to integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_geometric import nn as pyg

from engine.analysis import Study
from engine.conversion import ConversionError, convert, quantize
from engine.export import Simulation, export, reference
from engine.graphs import Graph, Neighbourhoods
from engine.integer import bind
from engine.learning.batch import Batch
from engine.spec import LayerQuant, ModelSpec, SpecError, scheme

F, C = 64, 10


def gin_map(inputs: int, outputs: int, norm: bool = False) -> nn.Sequential:
    between = [nn.BatchNorm1d(12), nn.ReLU()] if norm else [nn.ReLU()]
    return nn.Sequential(nn.Linear(inputs, 12), *between, nn.Linear(12, outputs))


class Plain(nn.Module):
    """A plain module of two convolutions."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Any, edge_index: Any) -> Any:
        x = functional.dropout(functional.elu(self.first(x, edge_index)), 0.5, self.training)
        return self.second(x, edge_index)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "GCN": lambda: pyg.models.GCN(F, 12, 3, C, norm="batch_norm"),
    "GAT": lambda: pyg.models.GAT(F, 12, 2, C, heads=3, dropout=0.6),
    "GAT, elu after norm": lambda: pyg.models.GAT(
        F, 12, 3, C, heads=2, act="elu", act_first=True, norm="batch_norm"
    ),
    "GIN": lambda: pyg.models.GIN(F, 12, 3, C, norm="batch_norm"),
    "GIN, trained eps": lambda: Plain(
        pyg.GINConv(gin_map(F, 8, norm=True), eps=0.3, train_eps=True),
        pyg.GINConv(gin_map(8, C), eps=-0.5),
    ),
    "GraphSAGE": lambda: pyg.models.GraphSAGE(F, 12, 2, C, jk="last"),
    "GraphSAGE, max": lambda: pyg.models.GraphSAGE(F, 12, 2, C, aggr="max"),
    "mean of heads": lambda: Plain(
        pyg.GATConv(F, 5, heads=3, concat=False, negative_slope=0.1), pyg.GATConv(5, C, bias=False)
    ),
    "mixed": lambda: Plain(pyg.GCNConv(F, 8), pyg.SAGEConv(8, C)),
}


def trained(build: Callable[[], nn.Module], digits: Graph) -> nn.Module:
    """Return a model whose every tensor has moved from where it began."""
    torch.manual_seed(0)
    model = build().train()
    x, edges = torch.from_numpy(digits.x), torch.from_numpy(digits.edge_index)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        for _ in range(3):  # running statistics
            model(x, edges)
    return model.eval()


@pytest.mark.parametrize("name", list(MODELS))
def test_scores_are_the_models(digits: Graph, name: str) -> None:
    model = trained(MODELS[name], digits)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    network = convert(model)
    batch = Batch.of(digits)
    with torch.no_grad():
        theirs = model(torch.from_numpy(digits.x), torch.from_numpy(digits.edge_index))
        ours = network(batch.x, batch.adjacencies)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))
    assert all(torch.equal(held, before[name]) for name, held in model.state_dict().items())


@pytest.mark.parametrize("name", list(MODELS))
def test_a_converted_model_runs_in_integers(digits: Graph, name: str) -> None:
    model = trained(MODELS[name], digits)
    quant = scheme("ptq", bits=8, model=ModelSpec(operator="gat", hidden=8)).quant[0]
    whole = LayerQuant(
        **{
            component: quant[component] if component != "norm" else quant["coefficient"]
            for component, _ in quant.items()
            if component != "output"
        }
    )
    network = quantize(model, whole)
    study = Study(digits, reference(network))
    program = study.preview([of_layer(spec, whole) for spec in study.reference.layers]).program
    network.load_qparams({slot: program.params_of(slot) for slot, _ in network.quantizers()})
    plan = bind(export(network), Neighbourhoods(digits), digits.x)
    found = Simulation(network, Batch.of(digits)).agreement(plan.trace())
    assert found.max_code_difference <= 1
    assert found.codes_different <= 0.001
    exact = study.trace.scores.argmax(axis=1)
    assert np.mean(plan.run().argmax(axis=1) == exact) > 0.8


def of_layer(spec: Any, quant: LayerQuant) -> LayerQuant:
    return LayerQuant(**{name: held for name, held in quant.items() if name in spec.components})


class OfGraphs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = pyg.GINConv(gin_map(F, 8)), pyg.GCNConv(8, 8)
        self.norm, self.one, self.two = nn.BatchNorm1d(8), nn.Linear(8, 8), nn.Linear(8, C)

    def forward(self, x: Any, edge_index: Any, batch: Any) -> Any:
        x = self.norm(self.first(x, edge_index).relu())
        x = pyg.global_mean_pool(self.second(x, edge_index).relu(), batch)
        return functional.log_softmax(self.two(self.one(x).relu()), dim=-1)


def test_a_model_for_graphs(digits: Graph) -> None:
    model = OfGraphs().eval()
    network = convert(model)
    assert [layer.spec.operator for layer in network.layers] == ["gin", "gcn", "linear", "linear"]
    assert [layer.spec.batch_norm for layer in network.layers][:2] == ["after", "none"]
    assert network.layers[2].spec.pool == "mean"
    batch = Batch.of(digits)
    with torch.no_grad():
        one_graph = torch.zeros(digits.nodes, dtype=torch.int64)
        edges = torch.from_numpy(digits.edge_index)
        theirs = model(torch.from_numpy(digits.x), edges, one_graph)
        ours = network(batch.x, batch.adjacencies)
    torch.testing.assert_close(ours.log_softmax(dim=-1), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (pyg.GCNConv(F, 8, improved=True), pyg.GCNConv(8, C), "first: improved is True"),
        (pyg.SAGEConv(F, 8, aggr="add"), pyg.GCNConv(8, C), "first: aggr 'add', wanted mean or"),
        (pyg.GATConv(F, 8, edge_dim=3), pyg.GCNConv(8, C), "first: edge_dim is 3, wanted None"),
        (pyg.GINConv(nn.Linear(F, 8)), pyg.GCNConv(8, C), "first.nn: is made of linear"),
        (pyg.GCNConv(F, 8), nn.Sequential(), "second|cannot be followed"),
    ],
)
def test_what_has_no_counterpart_is_named(first: Any, second: Any, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        convert(Plain(first, second))


def test_widths_must_fit_the_layers() -> None:
    model = pyg.models.GCN(F, 12, 2, C)
    with pytest.raises(SpecError, match="quant: got '3 layers'"):
        quantize(model, [LayerQuant()] * 3)
