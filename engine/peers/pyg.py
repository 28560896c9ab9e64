"""PyTorch Geometric's own forward."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.integer import Program
from engine.learning.adjacency import Adjacencies
from engine.peers.constants import Constants, Forward, constants, leave
from engine.spec import LayerSpec, SpecError


def pyg_default(reference: Program, graph: Graph) -> Forward:
    """Return PyTorch Geometric's own forward over an edge list, GCN's norm cached: scores [N, C].

    Args:
        reference: The float program.
        graph: The graph.
    """
    x = torch.from_numpy(graph.x if isinstance(graph.x, np.ndarray) else graph.x.toarray())
    edge_index = torch.from_numpy(graph.edge_index)
    weights = () if graph.edge_weight is None else (torch.from_numpy(graph.edge_weight),)
    adjacencies = Adjacencies(Neighbourhoods(graph))
    layers = [
        (spec, held, _convolution(spec, held))
        for spec, held in zip(reference.layers, constants(reference), strict=True)
    ]

    def forward() -> Tensor:
        h = x
        for spec, held, convolution in layers:
            h = leave(spec, held, convolution(h, edge_index, *weights), h, adjacencies)
        return h

    return torch.inference_mode()(forward)


def _convolution(spec: LayerSpec, held: Constants) -> Any:
    """Return one layer of PyTorch Geometric's, batch normalisation folded behind it."""
    from torch_geometric import nn as pyg

    inputs, width, out = spec.inputs, spec.width, spec.outputs
    match spec.operator:
        case "gcn":
            layer: Any = pyg.GCNConv(inputs, out, cached=True)
            state = {"lin.weight": held["weight"].t(), "bias": held["bias"]}
        case "gat":
            layer = pyg.GATConv(
                inputs,
                width // spec.heads,
                spec.heads,
                concat=spec.concat,
                negative_slope=spec.slope,
            )
            source, target = held["attention"].view(2, 1, spec.heads, -1)
            state = {"lin.weight": held["weight"].t(), "bias": held["bias"]}
            state |= {"att_src": source, "att_dst": target}
        case "gin":
            norm = torch.nn.BatchNorm1d(width, eps=0.0)
            layer = pyg.GINConv(
                torch.nn.Sequential(
                    torch.nn.Linear(inputs, width),
                    norm,
                    torch.nn.ReLU(),
                    torch.nn.Linear(width, out),
                ),
                eps=spec.eps,
            )
            gain = held.get("hidden_gain", torch.ones(width))
            state = {
                "nn.0.weight": held["weight"].t(),
                "nn.0.bias": held["hidden_bias"],
                "nn.1.weight": gain,
                "nn.3.weight": held["hidden_weight"].t(),
                "nn.3.bias": held["bias"],
            }
        case "sage":
            layer = pyg.SAGEConv(inputs, out, aggr=spec.aggregation)
            state = {
                "lin_l.weight": held["weight"].t(),
                "lin_l.bias": held["bias"],
                "lin_r.weight": held["own_weight"].t(),
            }
        case _:
            raise SpecError("operator", spec.operator, "a convolution; PyG's peer is for nodes")
    layer.eval()
    with torch.no_grad():
        own = layer.state_dict()
        for name, tensor in state.items():
            own[name].copy_(tensor)
    if "gain" not in held:
        return layer
    return lambda *inputs: layer(*inputs) * held["gain"]
