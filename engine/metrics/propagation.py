"""What a propagation does from step to step: how far it has come, what it changes, what is lost.

H are scores, V = D^-1/2 H what nodes send, D the change of H in a step, L = I - A_hat. The graph is
taken as undirected, as an objective or a constraint with L needs it to be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from engine.metrics.rows import Reals
from engine.spec import Appnp, Elastic, Propagation, QuantSpec, Smp


@dataclass(frozen=True, kw_only=True, slots=True)
class Depth:
    """A propagation after a step; step 0 is what it starts from.

    Args:
        step: The step.
        accuracy_float: Accuracy on the test nodes if one stopped here, of the float forward.
        accuracy_integer: The same of the integer forward.
        distinct_rows: How many different rows the nodes' codes still are.
        codes_used: Share of the codes that are in use, see `codes_used`; nan in float.
        span: Share of the range from the smallest code in use to the largest; nan in float.
        objective_float: What the propagation lowers, of the float forward.
        objective_integer: The same of the integer forward.
        constraint_float: tr(D' L D) / |E| of the step's change; nan at step 0.
        constraint_integer: The same of the integer forward.
        error: Largest |V_hat - V| of any entry.
        bound: What `error_bounds` says it cannot exceed; nan for elastic, and where V is in float.
    """

    step: int
    accuracy_float: float
    accuracy_integer: float
    distinct_rows: int
    codes_used: float
    span: float
    objective_float: float
    objective_integer: float
    constraint_float: float
    constraint_integer: float
    error: float
    bound: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data, nan and inf as null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """The edges that a propagation goes along.

    Args:
        rowptr: Where each node's edges start, its own among them, [N + 1].
        source: The node at the other end of each, [E'].
        first: One end of each undirected edge between different nodes, [P].
        second: The other end, [P].
    """

    rowptr: NDArray[Any]
    source: NDArray[Any]
    first: NDArray[Any]
    second: NDArray[Any]

    @property
    def root(self) -> Reals:
        """The root of each node's degree, [N, 1]."""
        return np.sqrt(np.diff(self.rowptr).astype(np.float64))[:, None]

    @property
    def smoothing(self) -> Any:
        """A_hat as a sparse matrix, [N, N]."""
        root, nodes = self.root[:, 0], self.rowptr.size - 1
        target = np.repeat(np.arange(nodes), np.diff(self.rowptr))
        values = 1 / (root[target] * root[self.source])
        return csr_array((values, self.source, self.rowptr), shape=(nodes, nodes))

    @property
    def differences(self) -> Any:
        """B as a sparse matrix, [P, N]."""
        ends = np.stack((self.first, self.second), axis=1).ravel()
        values = np.tile([1.0, -1.0], self.first.size) / self.root[ends, 0]
        places = 2 * np.arange(self.first.size + 1)
        return csr_array((values, ends, places), shape=(self.first.size, self.rowptr.size - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A propagation's scores as a forward computes them.

    Args:
        scores: H at step 0 to K, [N, C] each.
        sent: V that the first step sends, [N, C].
        codes: What each step sends, and the last scores, in codes with their spec; None where they
            are in float.
    """

    scores: Sequence[NDArray[Any]]
    sent: NDArray[Any]
    codes: Sequence[tuple[NDArray[np.int32], QuantSpec] | None]


def depths(
    how: Propagation,
    walk: Walk,
    exact: Forward,
    held: Forward,
    multipliers: Sequence[float],
    levels: Sequence[int],
    y: NDArray[np.int64],
    test: NDArray[np.bool_],
) -> tuple[Depth, ...]:
    """Return what a propagation does from step to step, 0 to K.

    Args:
        how: The propagation.
        walk: Its edges.
        exact: The float forward.
        held: The integer forward.
        multipliers: Lambda of each step, [K]; 0 without a constraint.
        levels: Largest code less the smallest of what each step holds, [K]; 0 in float.
        y: Classes, [N], -1 unknown.
        test: Whose accuracy counts, [N].
    """
    root, smoothing, differences = walk.root, walk.smoothing, walk.differences
    edges, known = max((walk.source.size - len(root)) / 2, 0.5), test & (y >= 0)
    forwards = [[np.asarray(h, np.float64) for h in forward.scores] for forward in (exact, held)]
    changes = [
        [math.nan, *(roughness(after - before, smoothing) for before, after in pairwise(h))]
        for h in forwards
    ]
    v = forwards[0][0] / root
    bounds = error_bounds(
        how,
        multipliers,
        changes[0][1:],
        resistance_bound(smoothing),
        float(v.max() - v.min()),
        levels,
        _largest((forwards[1][0] - forwards[0][0]) / root),
        _largest(held.sent - exact.sent),
    )

    def depth(step: int, one: Reals, other: Reals) -> Depth:
        coded = held.codes[step]
        error = held.sent - exact.sent if step == 0 else (other - one) / root
        return Depth(
            step=step,
            accuracy_float=_accuracy(one, y, known),
            accuracy_integer=_accuracy(other, y, known),
            distinct_rows=distinct_rows(coded[0] if coded else other),
            codes_used=codes_used(*coded) if coded else math.nan,
            span=span(*coded) if coded else math.nan,
            objective_float=objective(one, forwards[0][0], smoothing, differences, how),
            objective_integer=objective(other, forwards[1][0], smoothing, differences, how),
            constraint_float=changes[0][step] / edges,
            constraint_integer=changes[1][step] / edges,
            error=_largest(error),
            bound=float(bounds[step]),
        )

    return tuple(depth(step, *both) for step, both in enumerate(zip(*forwards, strict=True)))


def _largest(x: NDArray[Any]) -> float:
    return float(np.abs(x).max(initial=0))


def _accuracy(scores: Reals, y: NDArray[np.int64], known: NDArray[np.bool_]) -> float:
    return float((scores.argmax(axis=1) == y)[known].mean()) if known.any() else math.nan


def distinct_rows(h: NDArray[Any]) -> int:
    """Return how many different rows there are: nodes in equal rows have become indistinguishable.

    Args:
        h: Codes or real numbers, [N, C].
    """
    rows = np.ascontiguousarray(h)
    whole = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    return int(np.unique(whole).size)


def codes_used(codes: NDArray[Any], spec: QuantSpec) -> float:
    """Return the share of codes in use, exp(entropy of their frequencies) / codes, 0 to 1.

    A code that hardly occurs hardly counts: one outlier does not make a range look used.

    Args:
        codes: Codes of a tensor.
        spec: Its spec, not float.
    """
    count = np.bincount((codes.ravel() - spec.qmin) // spec.stride)
    share = count[count > 0] / max(count.sum(), 1)
    return float(np.exp(-(share * np.log(share)).sum()) / (spec.last + 1))


def span(codes: NDArray[Any], spec: QuantSpec) -> float:
    """Return the share of the range from the smallest code in use to the largest, 0 to 1."""
    return float((codes.max() - codes.min()) / (spec.qmax - spec.qmin))


def roughness(h: NDArray[Any], smoothing: Any) -> float:
    """Return ``tr(H' L H)``: the constraint's value where H is a step's change.

    Args:
        h: [N, C].
        smoothing: A_hat as a sparse matrix, [N, N].
    """
    return float((h * (h - smoothing @ h)).sum())


def objective(
    h: NDArray[Any], x: NDArray[Any], smoothing: Any, differences: Any, how: Propagation
) -> float:
    """Return what a propagation lowers.

        appnp, smp  1/2 ||H - X||^2 + mu/2 tr(H' L H),  mu of appnp 1 / teleport - 1
        elastic     lambda1 ||B H||_1 + lambda2/2 tr(H' L H) + 1/2 ||H - X||^2

    At teleport 0 it is 1/2 tr(H' L H) alone.

    Args:
        h: Scores, [N, C].
        x: Those that it started from, [N, C].
        smoothing: A_hat as a sparse matrix, [N, N].
        differences: B as a sparse matrix, [P, N]; only elastic's has a use for it.
        how: The propagation.
    """
    rough, far = roughness(h, smoothing) / 2, float(np.square(h - x).sum()) / 2
    if isinstance(how, Elastic):
        return how.lambda1 * float(np.abs(differences @ h).sum()) + how.lambda2 * rough + far
    if isinstance(how, Smp):
        return how.mu * rough + far
    assert isinstance(how, Appnp)
    return (1 / how.teleport - 1) * rough + far if how.teleport else rough


def resistance_bound(smoothing: Any) -> float:
    """Return a number that no two joined nodes' effective resistance exceeds.

    It is at most their distance, and that at most twice the largest distance from some node of
    their component.

    Args:
        smoothing: A_hat as a sparse matrix, [N, N].
    """
    _, component = connected_components(smoothing, directed=False)
    _, first = np.unique(component, return_index=True)
    far = dijkstra(smoothing, directed=False, indices=first, unweighted=True, min_only=True)
    return 2 * float(np.max(far, initial=0, where=np.isfinite(far)))


def error_bounds(
    how: Propagation,
    multipliers: Sequence[float],
    constraints: Sequence[float],
    resistance: float,
    spread: float,
    levels: Sequence[int],
    anchor: float,
    start: float,
) -> Reals:
    """Return what bounds the error of V after each step, by the constraint's values: [K + 1].

        error_k+1 <= shrink error_k + eta anchor + rounding_k+1
        rounding_k+1 <= (spread_0 + sum_{j <= k} 2 sqrt(R c_j) + 2 error) / (2 levels_k+1)

    Why. (1) On V a step is V <- M V + eta D^-1/2 X; M = (1 - eta) P for personalised PageRank, eta
    its teleport, and a mean shrinks no largest entry's error but by its weight. With a multiplier
    it is M = kept + eta mu P - kappa (I - P)(kept - 1 + eta mu P), kappa = 2 eta lambda, whose rows
    add up in magnitude to at most |kept| + eta mu + 2 kappa (1 - kept + eta mu): that is shrink.
    (2) tr(D' L D) is the sum of (u_i - u_j)^2 over edges, u = D^-1/2 D the change of V, so that two
    entries of u differ by at most sqrt(R c), R the effective resistance between their nodes. A step
    keeps the degree-weighted mean of V in every component, so u has mean 0 there, and no entry of
    it exceeds sqrt(R c). (3) So the spread of V, largest less smallest entry, grows by at most
    2 sqrt(R c) in a step, that of V_hat by twice its error more, and a range that covers it has
    steps no larger than spread / levels, of which rounding loses at most half.

    The bound holds for ranges that cover what they see and no more; one that clips, or was made
    for more, may lose more. It says nothing about elastic, whose duals answer by jumps.

    Args:
        how: The propagation.
        multipliers: Lambda of each step, [K]; 0 without a constraint.
        constraints: c = tr(D' L D) of each step, [K].
        resistance: R.
        spread: Largest less smallest entry of V at step 0.
        levels: Largest code less the smallest of what each step holds, [K]; 0 in float.
        anchor: Largest error of D^-1/2 X.
        start: Largest error of V at step 0.
    """
    bounds = [start]
    for multiplier, constraint, steps in zip(multipliers, constraints, levels, strict=True):
        if isinstance(how, Smp):
            eta, pull = how.eta, 2 * how.eta * multiplier
            pushed = 2 * pull * (1 - how.kept + how.eta * how.mu)
            shrink = abs(how.kept) + how.eta * how.mu + pushed
            rounded = 2.0  # the change, and what is sent
        elif isinstance(how, Appnp):
            eta, shrink, rounded = how.teleport, 1 - how.teleport, 1.0
        else:
            return np.full(len(levels) + 1, np.nan)
        spread += 2 * math.sqrt(max(resistance * constraint, 0))
        before = shrink * bounds[-1] + eta * anchor
        lost = rounded * (spread + 2 * before) / (2 * steps) if steps else 0.0
        bounds.append(before + lost)
    return np.array(bounds)
