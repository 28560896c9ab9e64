"""Float32 sums over neighbours alone, as torch and PyTorch Geometric make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.peers.constants import Forward
from engine.peers.matrices import averaged, normalised, with_own
from engine.spec import LayerSpec


def torch_sums(spec: LayerSpec, neighbourhoods: Neighbourhoods, x: NDArray[np.float32]) -> Forward:
    """Return the strongest float32 sums over neighbours we know in torch, [N, F].

    Args:
        spec: The layer whose sums these are.
        neighbourhoods: Incoming edges.
        x: What every node sends, [N, F].
    """
    edges, sent = Adjacencies(neighbourhoods).of(spec.operator), torch.from_numpy(x)
    match spec.operator:
        case "gat":
            shape = len(edges.source), spec.heads
            coefficient = torch.rand(shape, generator=torch.Generator().manual_seed(0))
            return torch.inference_mode()(lambda: edges.weighted_sum(coefficient, sent))
        case "sage" if spec.aggregation == "max":
            return torch.inference_mode()(lambda: edges.max(sent))
        case "sage":
            gather = averaged(edges)
        case "gin":
            gather = with_own(edges, 1 + spec.eps)
        case _:
            gather = normalised(edges)
    zeros, out = torch.zeros(1).expand(sent.shape), torch.empty_like(sent)
    # new memory for the sums would cost a page fault every 4 kB
    return torch.inference_mode()(lambda: torch.addmm(zeros, gather, sent, beta=0, out=out))


def pyg_sums(spec: LayerSpec, graph: Graph, x: NDArray[np.float32]) -> Forward:
    """Return PyTorch Geometric's own gathering and scattering, [N, F].

    Args:
        spec: The layer whose sums these are; the coefficients of a gat's one head are random.
        graph: The graph.
        x: What every node sends, [N, F].
    """
    from torch_geometric.nn import SimpleConv
    from torch_geometric.nn.conv.gcn_conv import gcn_norm
    from torch_geometric.utils import add_remaining_self_loops

    edge_index: Any = torch.from_numpy(graph.edge_index)
    sent = torch.from_numpy(x)
    weight: Any = None
    match spec.operator:
        case "gcn":
            given = None if graph.edge_weight is None else torch.from_numpy(graph.edge_weight)
            edge_index, weight = gcn_norm(edge_index, given, graph.nodes)
        case "gat":
            edge_index, _ = add_remaining_self_loops(edge_index, num_nodes=graph.nodes)
            weight = torch.rand(edge_index.shape[1], generator=torch.Generator().manual_seed(0))
    how = spec.aggregation if spec.operator == "sage" else "sum"
    own = "sum" if spec.operator == "gin" else None
    sums = SimpleConv(aggr=how, combine_root=own)
    return torch.inference_mode()(lambda: sums(sent, edge_index, weight))
