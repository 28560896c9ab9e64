"""Propagations in float32 as they are usually written: on H, with a sparse A_hat."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, addmm

from engine.integer import Program
from engine.learning.adjacency import Adjacencies
from engine.peers.constants import constants
from engine.peers.matrices import normalised
from engine.spec import Appnp, Elastic, LayerSpec, Smp

Step = Callable[[Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor | None]]
"""Takes H, the anchor X, and the edges' duals if there are any; gives the next H and duals."""


def propagation(reference: Program, adjacencies: Adjacencies) -> Callable[[Tensor], Tensor]:
    """Return all steps of a network's propagation, [N, C] to [N, C]; the identity without any.

    Args:
        reference: The float program.
        adjacencies: The graph's edges.
    """
    held = [
        (spec, float(of_layer["multiplier"]) if "multiplier" in of_layer else 0.0)
        for spec, of_layer in zip(reference.layers, constants(reference), strict=True)
        if spec.propagates
    ]
    if not held:
        return lambda x: x
    gather = normalised(adjacencies.of(held[0][0].operator))
    steps = [_step(spec, multiplier, gather, adjacencies) for spec, multiplier in held]

    def forward(x: Tensor) -> Tensor:
        h, dual = x, None
        for step in steps:
            h, dual = step(h, x, dual)
        return h

    return forward


def _step(spec: LayerSpec, multiplier: float, gather: Tensor, adjacencies: Adjacencies) -> Step:
    how = spec.propagates
    if isinstance(how, Appnp):
        teleport = how.teleport
        return lambda h, x, dual: (addmm(x, gather, h, beta=teleport, alpha=1 - teleport), None)
    if isinstance(how, Smp):
        return _smp(how, multiplier, gather)
    assert isinstance(how, Elastic)
    return _elastic(how, gather, adjacencies)


def _smp(how: Smp, multiplier: float, gather: Tensor) -> Step:
    pull = 2 * how.eta * multiplier

    def step(h: Tensor, x: Tensor, dual: Tensor | None) -> tuple[Tensor, None]:
        proposal = addmm(x, gather, h, beta=how.eta, alpha=how.eta * how.mu)
        if how.kept:
            proposal.add_(h, alpha=how.kept)
        change = proposal - h
        proposal.add_(change, alpha=-pull)
        return addmm(proposal, gather, change, alpha=pull), None

    return step


def _elastic(how: Elastic, gather: Tensor, adjacencies: Adjacencies) -> Step:
    norm = adjacencies.of("elastic").coefficient.unsqueeze(1)
    differences, transposed = adjacencies.differences

    def pulled(y: Tensor, dual: Tensor) -> Tensor:
        return y - how.gamma * norm * (transposed @ dual)

    def step(h: Tensor, x: Tensor, dual: Tensor | None) -> tuple[Tensor, Tensor]:
        y = addmm(x, gather, h, beta=how.gamma, alpha=1 - how.gamma)
        proposal = y if dual is None else pulled(y, dual)
        moved = how.beta * (differences @ (norm * proposal))
        if dual is not None:
            moved += dual
        dual = moved.clamp_(-how.lambda1, how.lambda1)
        return pulled(y, dual), dual

    return step
