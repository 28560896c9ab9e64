"""The linear layer, of nodes and of pooled graphs: PyG's pooling, and each quantizer's place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch_geometric.nn import global_add_pool, global_max_pool, global_mean_pool

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.layers.layer import Layer
from engine.learning.protection import ProtectedRows
from engine.spec import LayerSpec

PYG = {"sum": global_add_pool, "mean": global_mean_pool, "max": global_max_pool}
POOLS = st.sampled_from(sorted(PYG))
SIZES = st.lists(st.integers(0, 4), min_size=1, max_size=5)


def spec_of(graph: Graph, pool: str) -> LayerSpec:
    return LayerSpec(operator="linear", inputs=graph.features, outputs=3, pool=pool)


def split(graph: Graph, sizes: list[int]) -> tuple[Adjacencies, Tensor]:
    """Return the nodes as graphs of these sizes, the last taking the rest, and each node's graph.

    Graphs may be empty or of one node.
    """
    starts = np.minimum(np.cumsum([0, *sizes]), graph.nodes)
    pools = np.append(starts, graph.nodes)
    batch = torch.from_numpy(np.repeat(np.arange(len(pools) - 1), np.diff(pools)))
    plain = replace(graph, edge_weight=None)
    return Adjacencies(Neighbourhoods(plain, pools)), batch


@given(graph=..., pool=POOLS, sizes=SIZES)
def test_pooled_layer_equals_pyg(
    layer_of, dense_features, same_as_twin, graph: Graph, pool: str, sizes: list[int]
) -> None:
    layer = layer_of(spec_of(graph, pool))
    linear = nn.Linear(graph.features, 3)
    with torch.no_grad():
        linear.weight.copy_(layer.weight.t())
        linear.bias.copy_(layer.bias)
    adjacencies, batch = split(graph, sizes)
    same_as_twin(
        layer,
        lambda x: linear(PYG[pool](x, batch, len(sizes) + 1)),
        dense_features(graph),
        adjacencies,
        (),
        lambda: {"weight": linear.weight.grad.t(), "bias": linear.bias.grad},
    )


@given(graph=...)
def test_layer_of_nodes_equals_torchs(
    layer_of, unweighted, dense_features, same_as_twin, graph: Graph
) -> None:
    layer = layer_of(spec_of(graph, "none"))
    weight, bias = (held.detach().clone().requires_grad_() for held in layer.parameters())
    same_as_twin(
        layer,
        lambda x: x @ weight + bias,
        dense_features(graph),
        unweighted(graph)[0],
        (),
        lambda: {"weight": weight.grad, "bias": bias.grad},
    )


@settings(max_examples=40)
@given(graph=..., bits=st.sampled_from([2, 8]), pool=POOLS | st.just("none"), sizes=SIZES)
def test_each_quantizer_stands_in_its_place(
    in_place, dense_features, graph: Graph, bits: int, pool: str, sizes: list[int]
) -> None:
    adjacencies, batch = split(graph, sizes)

    def expected(layer: Layer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        entering = hat["input"] if pool == "none" else hat["aggregate"]
        found = {"feature": entering @ hat["weight"], "output": hat["feature"] + layer.bias}
        if pool != "none":
            found["aggregate"] = PYG[pool](hat["input"], batch, len(sizes) + 1)
        return found

    in_place(spec_of(graph, pool), adjacencies, dense_features(graph), bits, expected)


@given(graph=..., pool=POOLS)
def test_what_is_pooled_is_not_protected(
    layer_of, quantized, record, on_grid, dense_features, graph: Graph, pool: str
) -> None:
    spec = spec_of(graph, pool)
    layer = layer_of(spec, quantized(spec, 2))
    adjacencies, _ = split(graph, [2])
    x, everyone = dense_features(graph), ProtectedRows(torch.ones(graph.nodes, dtype=torch.bool))
    seen = record(layer, x, adjacencies, everyone)
    assert torch.equal(seen["input"][1], x)
    for name in ("aggregate", "feature", "output"):
        real, x_hat = seen[name]
        assert len(real) == 2
        assert torch.equal(x_hat, on_grid(real, layer.quantizers[name].qparams()))
