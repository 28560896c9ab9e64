"""The strongest float32 forward we know in torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods
from engine.integer import Program
from engine.learning.adjacency import Adjacencies
from engine.learning.features import features
from engine.peers.constants import Constants, Forward, constants, leave
from engine.peers.matrices import averaged, compact_rows, normalised, with_own
from engine.peers.steps import propagation
from engine.spec import LayerSpec, SpecError


def torch_best(reference: Program, neighbourhoods: Neighbourhoods, graph: Graph) -> Forward:
    """Return the strongest float32 forward of a network we know in torch: scores [N, C].

    Sums over neighbours are CSR times dense with norm, mean and self-loop folded into the entries
    beforehand; each layer takes the cheaper order of that product and its linear map. What torch
    has no fast operation for, the maximum and the attention, uses our own float kernels.

    Args:
        reference: The float program.
        neighbourhoods: Incoming edges.
        graph: Whose features enter.
    """
    x = features(graph.x)
    if not isinstance(x, Tensor):
        x = compact_rows(x.rowptr, x.columns, x.values, x.shape)
    adjacencies = Adjacencies(neighbourhoods)
    layers = [
        (spec, held, _layer(spec, held, adjacencies))
        for spec, held in zip(reference.layers, constants(reference), strict=True)
        if not spec.propagates
    ]
    propagate = propagation(reference, adjacencies)

    def forward() -> Tensor:
        h = x
        for spec, held, layer in layers:
            h = leave(spec, held, layer(h), h, adjacencies)
        return propagate(h)

    return torch.inference_mode()(forward)


def _layer(spec: LayerSpec, held: Constants, adjacencies: Adjacencies) -> Callable[[Any], Tensor]:
    """Return one layer up to its activation, [N, F] to [N, F']."""
    weight, bias = held["weight"], held["bias"]
    gain = held.get("gain")
    if gain is not None:
        bias = gain * bias

    def scaled(matrix: Tensor) -> Tensor:
        return matrix if gain is None else matrix * gain

    match spec.operator:
        case "gcn":
            gather = normalised(adjacencies.of("gcn"))
            return _convolution(gather, scaled(weight), bias)
        case "gin":
            gather = with_own(adjacencies.of("gin"), 1 + spec.eps)
            hidden_gain = held.get("hidden_gain")
            first = weight if hidden_gain is None else weight * hidden_gain
            shift = (
                held["hidden_bias"] if hidden_gain is None else held["hidden_bias"] * hidden_gain
            )
            last = scaled(held["hidden_weight"])
            return lambda h: torch.addmm(bias, _both(gather, h, first).add_(shift).relu_(), last)
        case "sage":
            edges, own = adjacencies.of("sage"), scaled(held["own_weight"])
            last = scaled(weight)
            if spec.aggregation == "max":
                return lambda h: (edges.max(_dense(h)) @ last).add_(h @ own).add_(bias)
            gather = averaged(edges)
            return lambda h: _both(gather, h, last).add_(h @ own).add_(bias)
        case "gat":
            edges, attention = adjacencies.of("gat"), held["attention"]
            vectors = torch.cat([_by_head(vector, spec.heads) for vector in attention], dim=1)

            def attend(h: Any) -> Tensor:
                feature = h @ weight
                coefficients = edges.softmax(feature @ vectors, spec.slope)
                out = edges.weighted_sum(coefficients, feature)
                if not spec.concat:
                    out = out.view(len(out), spec.heads, -1).mean(dim=1)
                return (out if gain is None else out * gain).add_(bias)

            return attend
        case "linear":
            last = scaled(weight)
            if spec.pool == "none":
                return lambda h: (h @ last).add_(bias)
            pool = getattr(adjacencies.pools, spec.pool)
            return lambda h: torch.addmm(bias, pool(_dense(h)), last)
        case _:
            raise SpecError("operator", spec.operator, "one that learns")


def _convolution(gather: Tensor, weight: Tensor, bias: Tensor) -> Callable[[Any], Tensor]:
    """Return ``gather @ h @ weight + bias`` in the cheaper order, into memory that is kept.

    New memory for each result costs a page fault every 4 kB, an eighth of the time on a large
    graph; so a result is overwritten by the next forward.
    """
    nodes, (inputs, outputs) = gather.shape[0], weight.shape
    room = torch.empty(nodes, min(inputs, outputs)), torch.empty(nodes, outputs)
    shift = bias.expand(nodes, outputs)

    def convolve(h: Any) -> Tensor:
        between, out = room
        if h.layout != torch.strided:
            return torch.addmm(shift, gather, h @ weight, out=out)
        if inputs < outputs:
            torch.mm(gather, h, out=between)
            return torch.addmm(shift, between, weight, out=out)
        torch.mm(h, weight, out=between)
        return torch.addmm(shift, gather, between, out=out)

    return convolve


def _both(gather: Tensor, h: Any, weight: Tensor) -> Tensor:
    """Return ``gather @ h @ weight`` in the cheaper order."""
    widens = h.layout == torch.strided and weight.shape[0] < weight.shape[1]
    both: Tensor = (gather @ h) @ weight if widens else gather @ (h @ weight)
    return both


def _dense(h: Tensor) -> Tensor:
    return h if h.layout == torch.strided else h.to_dense()


def _by_head(vector: Tensor, heads: int) -> Tensor:
    """Return a matrix [heads C, heads] that multiplies each head by its own part of a vector."""
    matrix: Tensor = torch.block_diag(*vector.view(heads, -1))  # type: ignore[no-untyped-call]
    return matrix.t()
