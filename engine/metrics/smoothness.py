"""How alike the rows of a layer have become: the measures of oversmoothing, each with its caveat.

Distances of directions (MAD, SMV) do not see norms; energies do, so each is also given over
||H||_F^2. A row of zeros has no direction: it counts as orthogonal to any other row (cosine 0, as
if its direction were its own) and as equal to another row of zeros, and pairs with one are counted.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.distances import Distances, distances
from engine.metrics.groups import group_distance_ratio, group_pairs
from engine.metrics.pairs import Pairs, PairSample
from engine.metrics.rank import effective_rank, rank_is_exact
from engine.metrics.rows import Reals, Rows, as_rows, squared_norms


@dataclass(frozen=True, kw_only=True, slots=True)
class Smoothness:
    """Every measure of one layer; nan where the graph or the layer leaves it undefined.

    Args:
        mad_neighbours: Mean cosine distance of neighbours, 0 to 2 (`mad`).
        mad_remote: Mean cosine distance of remote pairs; nan where there are none.
        mad_all: Mean cosine distance of all pairs, always exact (`mad_all`).
        mad_gap: Remote minus neighbours.
        collapsed_neighbours: Measured neighbour pairs with a row of zeros.
        collapsed_remote: Measured remote pairs with a row of zeros.
        zero_rows: Nodes whose row is all zeros.
        dirichlet: ``(1/n) sum_i sum_{j in N(i)} ||h_i - h_j||^2`` (`dirichlet`).
        dirichlet_relative: The same over ``||H||_F^2``.
        dirichlet_normalised: ``tr(H' L H)``, L = I - A_hat (`dirichlet_normalised`).
        dirichlet_normalised_relative: The same over ``||H||_F^2``, 0 to 2.
        smv: Mean half distance of directions, 0 to 1 (`smv`).
        group_distance_ratio: Distance between classes over within them (`group_distance_ratio`).
        effective_rank: Directions in use, 1 to min(N, F) (`effective_rank`).
        sampled: Names of the fields above that are estimates from a sample.
        seed: Seed of the samples.
    """

    mad_neighbours: float
    mad_remote: float
    mad_all: float
    mad_gap: float
    collapsed_neighbours: int
    collapsed_remote: int
    zero_rows: int
    dirichlet: float
    dirichlet_relative: float
    dirichlet_normalised: float
    dirichlet_normalised_relative: float
    smv: float
    group_distance_ratio: float
    effective_rank: float
    sampled: tuple[str, ...]
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data, nan and inf as null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        } | {"sampled": list(self.sampled)}


def smoothness(h: Rows, pairs: Pairs, labels: NDArray[Any] | None = None) -> Smoothness:
    """Return every measure of one layer.

    Args:
        h: What enters or leaves a layer, [N, F], dense or sparse, float32.
        pairs: The graph's pairs, found once for all layers.
        labels: Class of each node, [N], -1 for none; without them there is no group distance ratio.

    Raises:
        ValueError: If the shapes do not fit, or a number is nan or inf.
    """
    h = as_rows(h)
    if h.shape[0] != pairs.nodes:
        raise ValueError(f"the pairs are of {pairs.nodes} nodes; got {h.shape[0]} rows")
    norms = squared_norms(h)
    total = float(norms.sum())
    near, far = distances(h, pairs.neighbours), distances(h, pairs.remote)
    mad_near, mad_far = mad(near), mad(far)
    energy, normalised = dirichlet(near, pairs.nodes), dirichlet_normalised(near, pairs.degree)
    ratio, grouped = math.nan, True
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (pairs.nodes,):
            raise ValueError(f"wanted {pairs.nodes} labels, one a node; got shape {labels.shape}")
        groups = group_pairs(labels, pairs.seed, pairs.sample)
        ratio, grouped = group_distance_ratio(h, labels, groups), groups.is_exact
    exact = {
        "mad_neighbours": pairs.neighbours.is_exact,
        "mad_remote": pairs.remote.is_exact,
        "mad_gap": pairs.neighbours.is_exact and pairs.remote.is_exact,
        "dirichlet": pairs.neighbours.is_exact,
        "dirichlet_relative": pairs.neighbours.is_exact,
        "dirichlet_normalised": pairs.neighbours.is_exact,
        "dirichlet_normalised_relative": pairs.neighbours.is_exact,
        "smv": pairs.all.is_exact,
        "group_distance_ratio": grouped,
        "effective_rank": rank_is_exact(h),
    }
    return Smoothness(
        mad_neighbours=mad_near,
        mad_remote=mad_far,
        mad_all=mad_all(h),
        mad_gap=mad_far - mad_near,
        collapsed_neighbours=near.collapsed,
        collapsed_remote=far.collapsed,
        zero_rows=int((norms == 0).sum()),
        dirichlet=energy,
        dirichlet_relative=energy / total if total else math.nan,
        dirichlet_normalised=normalised,
        dirichlet_normalised_relative=normalised / total if total else math.nan,
        smv=smv(distances(h, pairs.all)),
        group_distance_ratio=ratio,
        effective_rank=effective_rank(h, pairs.seed),
        sampled=tuple(name for name, is_exact in exact.items() if not is_exact),
        seed=pairs.seed,
    )


def mad(pairs: Distances) -> float:
    """Return the mean average distance of pairs.

        mean over pairs of 1 - cos(h_i, h_j)

    Args:
        pairs: How far apart the rows of neighbours, or of remote pairs, are.

    Returns:
        The mean, 0 to 2; nan where there are no pairs.

    Source:
        Chen et al., Measuring and Relieving the Over-smoothing Problem for Graph Neural Networks
        from the Topological View, AAAI 2020.

    Differs:
        Every pair has equal weight, and a distance of 0 counts. The authors' code averages over
        each node's non-zero distances first, so that equal rows, the very collapse, drop out.
    """
    return _mean(pairs.cosine())


def mad_all(h: Rows) -> float:
    """Return the mean average distance of all pairs of nodes, exactly, in O(NF).

        sum_{i<j} (1 - cos(h_i, h_j)) = (m^2 - ||sum_i u_i||^2) / 2 + m z,    u_i = h_i / ||h_i||

    over the m rows with a direction and z rows of zeros.

    Args:
        h: [N, F], dense or sparse.

    Returns:
        The mean, 0 to 2; nan for fewer than two nodes.

    Raises:
        ValueError: If a number is nan or inf.
    """
    h = as_rows(h)
    nodes, norm = h.shape[0], np.sqrt(squared_norms(h))
    if nodes < 2:
        return math.nan
    scale = np.divide(1.0, norm, out=np.zeros(nodes), where=norm > 0)
    resultant = np.einsum("n,nf->f", scale, h) if isinstance(h, np.ndarray) else scale @ h
    some = int((norm > 0).sum())
    directed = max(some**2 - float(resultant @ resultant), 0.0) / 2
    return float((directed + some * (nodes - some)) / (nodes * (nodes - 1) / 2))


def smv(pairs: Distances) -> float:
    """Return the smoothness metric value: the mean half distance of directions.

        mean over pairs of 1/2 || h_i/||h_i|| - h_j/||h_j|| || = mean sqrt((1 - cos(h_i, h_j)) / 2)

    Args:
        pairs: How far apart the rows of all pairs, or of a sample of them, are.

    Returns:
        The mean, 0 to 1; nan where there are no pairs.

    Source:
        Liu, Gao and Ji, Towards Deeper Graph Neural Networks (DAGNN), KDD 2020.

    Differs:
        Only the mean of the *squared* distances has a closed form in O(NF), and it is `mad_all`;
        the paper's, without the square, is a sum over pairs, here a sample of them.
    """
    return _mean(np.sqrt(pairs.cosine() / 2))


def dirichlet(neighbours: Distances, nodes: int) -> float:
    """Return the Dirichlet energy: 0 where all rows of a component are equal.

        (1/n) sum_i sum_{j in N(i)} ||h_i - h_j||^2

    Args:
        neighbours: How far apart the rows of neighbour pairs are; each counts from both ends.
        nodes: Number of nodes, n.

    Returns:
        The energy; scaled up where the neighbour pairs are a sample.

    Source:
        Rusch, Bronstein and Mishra, A Survey on Oversmoothing in Graph Neural Networks, 2023.
    """
    return 2 * _total(neighbours.squared, neighbours.pairs) / max(nodes, 1)


def dirichlet_normalised(neighbours: Distances, degree: NDArray[Any]) -> float:
    """Return the energy of the normalised Laplacian: 0 where each column is a multiple of sqrt(d).

        tr(H' L H) = sum over neighbour pairs of ||h_i/sqrt(d_i) - h_j/sqrt(d_j)||^2,
        L = I - D^-1/2 (A + I) D^-1/2,    d_i = neighbours of i + 1

    This, not `dirichlet`, is what repeated GCN propagation drives to 0; equal rows do not.

    Args:
        neighbours: How far apart the rows of neighbour pairs are.
        degree: Number of distinct neighbours of each node, itself left out, [N].

    Returns:
        The energy; scaled up where the neighbour pairs are a sample.

    Source:
        Cai and Wang, A Note on Over-Smoothing for Graph Neural Networks, 2020.

    Differs:
        tr(H'LH) needs a symmetric L to be an energy, so a directed graph counts as undirected and
        weights as 1.
    """
    pairs, scale = neighbours.pairs, 1 / np.sqrt(degree + 1.0)
    return _total(neighbours.squared_scaled(scale[pairs.first], scale[pairs.second]), pairs)


def _mean(values: Reals) -> float:
    return float(values.mean()) if values.size else math.nan


def _total(values: Reals, pairs: PairSample) -> float:
    if not pairs.count or pairs.population is None:
        return 0.0
    return float(values.mean()) * pairs.population
