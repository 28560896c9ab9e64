"""What normalises a layer's output over the nodes: its quantizers, protection, state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch_geometric import nn as pyg

from engine.graphs import Graph
from engine.learning.layers.gcn import GCNLayer
from engine.learning.protection import ProtectedRows
from engine.spec import DiffGroupNorm, LayerSpec, Normalization, PairNorm

EVERY: list[Normalization] = [
    PairNorm(),
    PairNorm(scale=0.5, by_node=True),
    DiffGroupNorm(groups=3, weight=0.5),
]


def rows_of(graph: Graph) -> Tensor:
    return torch.randn(graph.nodes, 4, generator=torch.Generator().manual_seed(0))


def layer_with(how: Normalization) -> LayerSpec:
    return LayerSpec(operator="gcn", inputs=4, outputs=4, activation="relu", normalization=how)


@pytest.mark.parametrize("how", EVERY)
def test_each_quantizer_stands_where_its_equation_says(
    in_place, unweighted, karate: Graph, how: Normalization
) -> None:
    adjacencies, _ = unweighted(karate)
    x = rows_of(karate)

    def entering(layer: GCNLayer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        adjacency, norm = adjacencies.of("gcn"), hat["norm"].unsqueeze(1)
        found = {
            "norm": adjacency.coefficient,
            "feature": hat["input"] @ hat["weight"],
            "message": norm * hat["feature"],
            "aggregate": norm * adjacency.sum(hat["message"]),
            "output": hat["aggregate"] + layer.bias,
        }
        if isinstance(how, PairNorm):
            normalize = pyg.PairNorm(how.scale, how.by_node)
            return {**found, "normalized": normalize(hat["output"])}
        folded = layer.folded()
        scaled = how.weight * hat["output"] * hat["group_scale"]
        return {
            **found,
            "group_weight": folded["group_weight"],
            "group_logit": hat["output"] @ hat["group_weight"],
            "group_share": hat["group_logit"].softmax(1),
            "group_gain": folded["group_gain"].float(),
            "group_scale": hat["group_share"] @ hat["group_gain"],
            "normalized": hat["output"] + scaled + folded["group_bias"].float(),
        }

    in_place(layer_with(how), adjacencies, x, 4, entering)


def test_a_protected_node_is_normalised_in_full_precision(
    layer_of, quantized, record, on_grid, unweighted, karate: Graph
) -> None:
    adjacencies, _ = unweighted(karate)
    spec = layer_with(EVERY[-1])
    layer, x = layer_of(spec, quantized(spec, 2)), rows_of(karate)
    mask = torch.arange(karate.nodes) % 2 == 0
    seen = record(layer, x, adjacencies, ProtectedRows(mask))
    for slot in ("group_logit", "group_share", "group_scale", "normalized"):
        real, x_hat = seen[slot]
        assert torch.equal(real[mask], x_hat[mask])
        moved = on_grid(real, layer.quantizers[slot].qparams())
        assert torch.equal(x_hat[~mask], moved[~mask])
    for slot in ("group_weight", "group_gain"):
        assert not torch.equal(*seen[slot])


@pytest.mark.parametrize("how", EVERY)
def test_state_makes_the_same_layer(
    layer_of, quantized, unweighted, karate: Graph, how: Normalization
) -> None:
    adjacencies, _ = unweighted(karate)
    spec, x = layer_with(how), rows_of(karate)
    layer = layer_of(spec, quantized(spec, 4))
    layer(x, adjacencies)
    fresh = GCNLayer(spec, quantized(spec, 4))
    fresh.load_state_dict(layer.state_dict())
    assert torch.equal(fresh.eval()(x, adjacencies), layer.eval()(x, adjacencies))
    constants = layer.constants()
    assert {name: held.shape for name, held in constants.items()} == spec.constants


def test_without_quantizers_nothing_is_rounded(layer_of, unweighted, karate) -> None:
    adjacencies, _ = unweighted(karate)
    spec, x = layer_with(PairNorm(scale=2.0)), rows_of(karate)
    layer = layer_of(spec)
    plain = layer_of(LayerSpec(operator="gcn", inputs=4, outputs=4))
    expected = pyg.PairNorm(2.0)(plain(x, adjacencies)).relu()
    torch.testing.assert_close(layer(x, adjacencies), expected)
