"""Models traced to chains: modules, functions and methods alike, and what is no chain named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_geometric import nn as pyg

from engine.conversion.chain import ConversionError, chain


def links(model: nn.Module) -> list[tuple[str, str]]:
    return [(operation.path, operation.kind) for operation in chain(model)]


def test_a_library_model() -> None:
    model = pyg.models.GAT(5, 16, 2, 4, heads=4, norm="batch_norm", dropout=0.5)
    assert links(model) == [
        ("convs.0", "conv"),
        ("norms.0", "norm"),
        ("act", "activation"),
        ("dropout", "dropout"),
        ("convs.1", "conv"),
    ]
    model = pyg.models.GIN(5, 16, 2, 4, norm="batch_norm")
    assert [path for path, _ in links(model)][:6] == [
        "convs.0",
        "convs.0.nn.lins.0",
        "convs.0.nn.norms.0",
        "convs.0.nn.act",
        "convs.0.nn.lins.1",
        "norms.0",
    ]
    assert links(pyg.models.GraphSAGE(5, 16, 2, 4, jk="last"))[-1] == ("lin", "linear")


class Plain(nn.Module):
    """Two convolutions, to be used in some way."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = pyg.GCNConv(5, 8), pyg.GCNConv(8, 8)
        self.head = nn.Linear(8, 2)


class OfGraphs(Plain):
    def forward(self, x: Any, edge_index: Any, batch: Any) -> Any:
        x = functional.dropout(functional.relu(self.first(x, edge_index)), 0.3, self.training)
        x = self.second(x, edge_index).relu()
        x = pyg.global_mean_pool(x, batch)
        return functional.log_softmax(self.head(x), dim=-1)


def test_functions_and_methods_count_as_modules_do() -> None:
    operations = chain(OfGraphs())
    assert [(o.kind, o.what) for o in operations if o.kind not in ("conv", "linear")] == [
        ("activation", "relu"),
        ("dropout", 0.3),
        ("activation", "relu"),
        ("pool", "mean"),
    ]
    assert [o.path for o in operations if o.kind in ("conv", "linear")] == [
        "first",
        "second",
        "head",
    ]


def doing(body: Callable[[Plain, Any, Any], Any]) -> nn.Module:
    class Doing(Plain):
        def forward(self, x: Any, edge_index: Any) -> Any:
            return body(self, x, edge_index)

    return Doing()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            lambda m, x, e: m.second(m.first(x, e), e) + m.first(x, e),
            "first.*something else than what the step before it gave",
        ),
        (lambda m, x, e: m.first(x, e).tanh(), r"tanh \(in forward\): tanh has no counterpart"),
        (lambda m, x, e: torch.cat([m.first(x, e), x]), "cat.*something else"),
        (
            lambda m, x, e: m.head(functional.softmax(m.first(x, e), -1)),
            "a softmax that is not the last step",
        ),
        (lambda m, x, e: m.first(x, e) if x.sum() > 0 else x, "cannot be followed step by step"),
        (lambda m, x, e: functional.elu(m.first(x, e), 0.5), "ELU with alpha 0.5, wanted 1"),
        (lambda m, x, e: (m.first(x, e), x), "output: wanted the last step's result alone"),
    ],
)
def test_what_is_no_chain_is_named(body: Callable[..., Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        chain(doing(body))


def test_an_unknown_module_is_named_with_its_path() -> None:
    model = pyg.Sequential(
        "x, edge_index", [(pyg.GATv2Conv(5, 8), "x, edge_index -> x"), nn.Linear(8, 2)]
    )
    with pytest.raises(ConversionError, match="GATv2Conv has no counterpart here; wanted GCNConv"):
        chain(model)
    with pytest.raises(ConversionError, match=r"something else|JumpingKnowledge"):
        chain(pyg.models.GCN(5, 8, 2, 4, jk="cat"))
