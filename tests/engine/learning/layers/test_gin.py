"""The GIN layer: PyG's own where exact, and each quantizer in its place."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch_geometric.nn import GINConv

from engine.graphs import Graph
from engine.learning.layers.layer import Layer
from engine.spec import LayerSpec

HIDDEN, OUTPUTS = 5, 3
EPS = st.sampled_from([0.0, 0.3, -1.0])


def spec_of(graph: Graph, eps: float, norm: bool) -> LayerSpec:
    return LayerSpec(
        operator="gin",
        inputs=graph.features,
        outputs=OUTPUTS,
        hidden=HIDDEN,
        hidden_norm=norm,
        eps=eps,
    )


def pyg_twin(layer: Layer) -> tuple[GINConv, nn.Sequential]:
    """Return PyG's convolution with a copy of the layer's weights, and the MLP within."""
    norm = nn.Identity() if layer.hidden_norm is None else nn.BatchNorm1d(HIDDEN)
    mlp = nn.Sequential(
        nn.Linear(layer.spec.inputs, HIDDEN), norm, nn.ReLU(), nn.Linear(HIDDEN, OUTPUTS)
    )
    twin = GINConv(mlp, eps=layer.spec.eps).to(layer.weight.dtype)  # draws the MLP anew
    with torch.no_grad():
        mlp[0].weight.copy_(layer.weight.t())
        mlp[0].bias.copy_(layer.hidden_bias)
        mlp[3].weight.copy_(layer.hidden_weight.t())
        mlp[3].bias.copy_(layer.bias)
    if layer.hidden_norm is not None:
        norm.load_state_dict(layer.hidden_norm.state_dict())
    return twin, mlp


@given(graph=..., eps=EPS)
def test_exact_layer_equals_pyg(
    layer_of, unweighted, dense_features, same_as_twin, graph: Graph, eps: float
) -> None:
    layer = layer_of(spec_of(graph, eps, norm=False))
    twin, mlp = pyg_twin(layer)
    adjacencies, edge_index = unweighted(graph)
    same_as_twin(
        layer,
        twin,
        dense_features(graph),
        adjacencies,
        (edge_index,),
        lambda: {
            "weight": mlp[0].weight.grad.t(),
            "hidden_bias": mlp[0].bias.grad,
            "hidden_weight": mlp[3].weight.grad.t(),
            "bias": mlp[3].bias.grad,
        },
    )


@given(graph=..., eps=EPS)
def test_normalised_layer_equals_pyg_in_training_and_in_evaluation(
    layer_of, unweighted, dense_features, graph: Graph, eps: float
) -> None:
    layer = layer_of(spec_of(graph, eps, norm=True)).double()
    twin, mlp = pyg_twin(layer)
    adjacencies, edge_index = unweighted(graph)
    x, adjacencies = dense_features(graph).double(), adjacencies.double()
    torch.testing.assert_close(layer(x, adjacencies), twin(x, edge_index), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(layer.hidden_norm.running_var, mlp[1].running_var)
    layer.eval()
    twin.eval()
    torch.testing.assert_close(layer(x, adjacencies), twin(x, edge_index), rtol=1e-4, atol=1e-4)


@settings(max_examples=40)
@given(graph=..., bits=st.sampled_from([2, 4, 8]), eps=EPS, norm=st.booleans())
def test_each_quantizer_stands_in_its_place(
    in_place, unweighted, dense_features, graph: Graph, bits: int, eps: float, norm: bool
) -> None:
    adjacencies, edge_index = unweighted(graph)

    def expected(layer: Layer, hat: dict[str, Tensor]) -> dict[str, Tensor]:
        total = (1 + eps) * hat["message"]
        for j, i in edge_index.t():
            total[i] += hat["message"][j]
        constants = {name: torch.from_numpy(held) for name, held in layer.constants().items()}
        gain = constants["hidden_gain"] if norm else 1
        hidden = (gain * (hat["feature"] + constants["hidden_bias"])).relu()
        return {
            "message": hat["input"],
            "aggregate": total,
            "feature": hat["aggregate"] @ hat["weight"],
            "hidden": hidden,
            "hidden_feature": hat["hidden"] @ hat["hidden_weight"],
            "output": hat["hidden_feature"] + layer.bias,
        }

    in_place(spec_of(graph, eps, norm), adjacencies, dense_features(graph), bits, expected)
