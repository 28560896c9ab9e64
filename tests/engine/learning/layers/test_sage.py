"""The GraphSAGE layer: PyG's own where exact, and each quantizer in its place."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric.nn import SAGEConv

from engine.graphs import Graph
from engine.learning.layers.layer import Layer
from engine.spec import LayerSpec

AGGREGATIONS = st.sampled_from(["mean", "max"])


def spec_of(graph: Graph, aggregation: str) -> LayerSpec:
    return LayerSpec(operator="sage", inputs=graph.features, outputs=3, aggregation=aggregation)


@given(graph=..., aggregation=AGGREGATIONS)
def test_exact_layer_equals_pyg(
    layer_of, unweighted, dense_features, same_as_twin, graph: Graph, aggregation: str
) -> None:
    layer = layer_of(spec_of(graph, aggregation))
    twin = SAGEConv(graph.features, 3, aggr=aggregation)
    with torch.no_grad():
        twin.lin_l.weight.copy_(layer.weight.t())
        twin.lin_l.bias.copy_(layer.bias)
        twin.lin_r.weight.copy_(layer.own_weight.t())
    adjacencies, edge_index = unweighted(graph)
    same_as_twin(
        layer,
        twin,
        dense_features(graph),
        adjacencies,
        (edge_index,),
        lambda: {
            "weight": twin.lin_l.weight.grad.t(),
            "own_weight": twin.lin_r.weight.grad.t(),
            "bias": twin.lin_l.bias.grad,
        },
    )


@settings(max_examples=40)
@given(graph=..., bits=st.sampled_from([2, 4, 8]), aggregation=AGGREGATIONS)
def test_each_quantizer_stands_in_its_place(
    in_place, unweighted, dense_features, graph: Graph, bits: int, aggregation: str
) -> None:
    adjacencies, (source, target) = unweighted(graph)

    def expected(layer: Layer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        aggregate = torch.zeros_like(hat["message"])
        for i in target.unique():
            sent = hat["message"][source[target == i]]
            aggregate[i] = sent.mean(0) if aggregation == "mean" else sent.amax(0)
        return {
            "message": hat["input"],
            "aggregate": aggregate,
            "feature": hat["aggregate"] @ hat["weight"],
            "own_feature": hat["input"] @ hat["own_weight"],
            "output": hat["feature"] + hat["own_feature"] + layer.bias,
        }

    in_place(spec_of(graph, aggregation), adjacencies, dense_features(graph), bits, expected)
