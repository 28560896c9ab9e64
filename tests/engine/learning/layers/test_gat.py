"""The GAT layer: PyG's own where exact, and each quantizer in its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import leaky_relu
from torch_geometric.nn import GATConv

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.layers.gat import GATLayer
from engine.learning.layers.layer import Layer
from engine.learning.protection import ProtectedRows
from engine.spec import LayerQuant, LayerSpec, SpecError


def spec_of(graph: Graph, heads: int, concat: bool, slope: float = 0.2) -> LayerSpec:
    outputs = 2 * heads if concat else 3
    return LayerSpec(
        operator="gat",
        inputs=graph.features,
        outputs=outputs,
        heads=heads,
        concat=concat,
        slope=slope,
    )


@given(graph=..., heads=st.integers(1, 4), concat=st.booleans(), slope=st.sampled_from([0, 0.2, 1]))
def test_exact_layer_equals_pyg(
    layer_of, unweighted, dense_features, same_as_twin, graph: Graph, heads, concat, slope
) -> None:
    spec = spec_of(graph, heads, concat, slope)
    layer = layer_of(spec)
    twin = GATConv(
        graph.features, spec.width // heads, heads=heads, concat=concat, negative_slope=slope
    )
    with torch.no_grad():
        twin.lin.weight.copy_(layer.weight.t())
        twin.att_src.copy_(layer.attention[0].view(1, heads, -1))
        twin.att_dst.copy_(layer.attention[1].view(1, heads, -1))
        twin.bias.copy_(layer.bias)
    adjacencies, edge_index = unweighted(graph)
    same_as_twin(
        layer,
        twin,
        dense_features(graph),
        adjacencies,
        (edge_index,),
        lambda: {
            "weight": twin.lin.weight.grad.t(),
            "attention": torch.cat([twin.att_src.grad, twin.att_dst.grad]).view(2, -1),
            "bias": twin.bias.grad,
        },
    )


@settings(max_examples=40)
@given(graph=..., bits=st.sampled_from([2, 4, 8]), heads=st.integers(1, 3), concat=st.booleans())
def test_each_quantizer_stands_in_its_place(
    in_place, unweighted, dense_features, graph: Graph, bits, heads, concat
) -> None:
    spec = spec_of(graph, heads, concat)
    adjacencies, _ = unweighted(graph)
    adjacency, width = adjacencies.of("gat"), spec.width // heads
    target = torch.repeat_interleave(torch.arange(graph.nodes), adjacency.rowptr.diff())

    def expected(layer: Layer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        by_head = hat["feature"].view(-1, heads, width)
        ends = [(by_head * end.view(heads, width)).sum(2) for end in hat["attention"]]
        logit = hat["logit"]
        edge = leaky_relu(logit[adjacency.source, :heads] + logit[target, heads:], spec.slope)
        softmax = torch.cat(
            [edge[target == node].softmax(0) for node in range(graph.nodes)]
        )  # rows stand one after the other
        messages = hat["message"].view(-1, heads, width)
        sums = torch.zeros(graph.nodes, heads, width)
        for e, (i, j) in enumerate(zip(target, adjacency.source, strict=True)):
            sums[i] += hat["coefficient"][e].unsqueeze(1) * messages[j]
        return {
            "feature": hat["input"] @ hat["weight"],
            "logit": torch.cat(ends, dim=1),
            "coefficient": softmax,
            "message": hat["feature"],
            "aggregate": sums.flatten(1) if concat else sums.mean(1),
            "output": hat["aggregate"] + layer.bias,
        }

    in_place(spec, adjacencies, dense_features(graph), bits, expected)


def test_dropout_is_of_the_input_and_of_the_coefficients_after_their_quantizer(
    layer_of, quantized, record, unweighted, dense_features, karate
) -> None:
    spec = LayerSpec(operator="gat", inputs=34, outputs=4, heads=2, dropout=0.6)
    layer = layer_of(spec, quantized(spec, 8))
    adjacencies, _ = unweighted(karate)
    x = dense_features(karate)
    first = record(layer, x, adjacencies, None, torch.Generator().manual_seed(0))
    again = record(layer, x, adjacencies, None, torch.Generator().manual_seed(0))
    other = record(layer, x, adjacencies, None, torch.Generator().manual_seed(1))
    assert torch.equal(first["aggregate"][0], again["aggregate"][0])
    assert not torch.equal(first["aggregate"][0], other["aggregate"][0])
    sums = first["coefficient"][0].new_zeros(34, 2)
    target = torch.repeat_interleave(torch.arange(34), adjacencies.of("gat").rowptr.diff())
    sums.index_add_(0, target, first["coefficient"][0])
    torch.testing.assert_close(sums, torch.ones(34, 2))


def test_attention_starts_as_wide_as_pygs(karate: Graph) -> None:
    layer = GATLayer(LayerSpec(operator="gat", inputs=34, outputs=512, heads=8), LayerQuant())
    layer.initialize(torch.Generator().manual_seed(0))
    twin = GATConv(34, 64, heads=8)
    for found, expected in (
        (layer.attention[0], twin.att_src),
        (layer.attention[1], twin.att_dst),
        (layer.weight, twin.lin.weight),
    ):
        bound = expected.detach().abs().max()
        torch.testing.assert_close(found.detach().abs().max(), bound, rtol=0.05, atol=0)


def test_weights_of_edges_are_refused(layer_of, karate: Graph, dense_features) -> None:
    weighted = replace(karate, edge_weight=np.ones(karate.edges, np.float32))
    layer = layer_of(spec_of(karate, 1, True))
    with pytest.raises(SpecError, match="with edge weights"):
        layer(dense_features(karate), Adjacencies(Neighbourhoods(weighted)))


@given(graph=..., data=st.data())
def test_protection_of_coefficients_is_the_sources(
    layer_of, quantized, record, on_grid, unweighted, dense_features, graph: Graph, data
) -> None:
    drawn = data.draw(st.lists(st.booleans(), min_size=graph.nodes, max_size=graph.nodes))
    mask = torch.tensor(drawn)
    spec = spec_of(graph, 2, True)
    layer = layer_of(spec, quantized(spec, 2))
    adjacencies, _ = unweighted(graph)
    layer(dense_features(graph), adjacencies)
    seen = record(layer, dense_features(graph), adjacencies, ProtectedRows(mask))
    real, x_hat = seen["coefficient"]
    moved = on_grid(real, layer.quantizers["coefficient"].qparams())
    of_protected = mask[adjacencies.of("gat").source]
    assert torch.equal(x_hat[of_protected], real[of_protected])
    assert torch.equal(x_hat[~of_protected], moved[~of_protected])
