"""Float32 forwards of a network, written as well as torch allows: what integer speed is against."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from engine.graphs import Graph, Neighbours
from engine.integer import Program
from engine.learning.adjacency import sparse_rows
from engine.learning.features import features

Forward = Callable[[], Tensor]


def torch_best(reference: Program, neighbours: Neighbours, graph: Graph) -> Forward:
    """Return the strongest float32 forward of a GCN we know in torch: scores [N, C].

    The norm is folded into the edges beforehand, products with the graph and with sparse features
    are CSR times dense, and each layer takes the cheaper order of its two products.

    Args:
        reference: The float program.
        neighbours: Incoming edges.
        graph: Whose features enter.
    """
    adjacency = _normalised(neighbours)
    x = features(graph.x)
    if not isinstance(x, Tensor):
        x = sparse_rows(x.rowptr, x.columns, x.values, x.shape)
    layers = _layers(reference)
    residual = reference.model.residual

    def forward() -> Tensor:
        h = x
        for index, (weight, bias) in enumerate(layers):
            widens = h.layout == torch.strided and weight.shape[0] < weight.shape[1]
            out = (adjacency @ h) @ weight if widens else adjacency @ (h @ weight)
            out += bias
            if index < len(layers) - 1:
                out = out.relu_()
                h = out + h if residual and index else out
        return out

    return torch.inference_mode()(forward)


def pyg_default(reference: Program, graph: Graph) -> Forward:
    """Return PyTorch Geometric's own forward over an edge list: `GCNConv`, norm cached.

    Args:
        reference: The float program.
        graph: The graph.
    """
    from torch_geometric.nn import GCNConv

    x = torch.from_numpy(graph.x if isinstance(graph.x, np.ndarray) else graph.x.toarray())
    edge_index = torch.from_numpy(graph.edge_index)
    weight = None if graph.edge_weight is None else torch.from_numpy(graph.edge_weight)
    convolutions = []
    for matrix, bias in _layers(reference):
        convolution = GCNConv(*matrix.shape, cached=True).eval()
        with torch.no_grad():
            convolution.lin.weight.copy_(matrix.t())
            convolution.bias.copy_(bias)
        convolutions.append(convolution)
    residual = reference.model.residual

    def forward() -> Tensor:
        h = x
        for index, convolution in enumerate(convolutions):
            out: Tensor = convolution(h, edge_index, weight)
            if index < len(convolutions) - 1:
                out = out.relu()
                h = out + h if residual and index else out
        return out

    return torch.inference_mode()(forward)


def median_ms(
    *forwards: Callable[[], object], rounds: int = 15, budget_s: float = 2.0
) -> list[float]:
    """Return each forward's median time in milliseconds, all measured in turn after a warm-up.

    Args:
        forwards: What to time.
        rounds: Most times each is run.
        budget_s: No further round begins after this many seconds.
    """
    for forward in forwards:
        forward()
    times: list[list[float]] = [[] for _ in forwards]
    start = time.perf_counter()
    for _ in range(rounds):
        for forward, of_forward in zip(forwards, times, strict=True):
            before = time.perf_counter()
            forward()
            of_forward.append(1000 * (time.perf_counter() - before))
        if time.perf_counter() - start > budget_s:
            break
    return [statistics.median(of_forward) for of_forward in times]


def _layers(reference: Program) -> list[tuple[Tensor, Tensor]]:
    constants = reference.constants
    return [
        (
            torch.from_numpy(np.array(constants[layer, "weight"])),
            torch.from_numpy(np.array(constants[layer, "bias"])),
        )
        for layer in range(reference.model.layers)
    ]


def _normalised(neighbours: Neighbours) -> Tensor:
    coefficient = neighbours.coefficient
    values = coefficient[neighbours.targets()] * coefficient[neighbours.source]
    if neighbours.weight is not None:
        values = values * neighbours.weight
    return sparse_rows(
        torch.from_numpy(neighbours.rowptr),
        torch.from_numpy(neighbours.source.astype(np.int64)),
        torch.from_numpy(values),
        (neighbours.nodes, neighbours.nodes),
    )
