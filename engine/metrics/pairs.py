"""The pairs of nodes that smoothness is measured on: neighbours, remote nodes, any two nodes.

All are pairs of the *undirected simple* graph: directions forgotten, self-loops left out, repeated
edges once, edge weights ignored. Each unordered pair appears once, the smaller node first, unless
drawn twice in a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import breadth_first_order

Nodes = NDArray[np.int64]

REMOTE_ORDER = 8
"""Smallest graph distance of a remote pair."""
SEARCH_VISITS = 20_000_000
"""Nodes and edges that all breadth-first searches together may visit, after the first four."""
SEARCHES = 256
"""Most nodes whose distances are searched."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PairSample:
    """Pairs of nodes, all of a kind or a sample of them.

    Args:
        first: Node i of each pair, [P].
        second: Node j of each pair, [P].
        population: How many pairs of the kind the graph has; None where that was not counted.
    """

    first: Nodes
    second: Nodes
    population: int | None

    @property
    def count(self) -> int:
        """Number of pairs held."""
        return self.first.size

    @property
    def is_exact(self) -> bool:
        """Whether these are all pairs of the kind."""
        return self.count == self.population


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Pairs:
    """The pairs of one graph, found once and used for each layer.

    Args:
        nodes: Number of nodes.
        degree: Number of distinct neighbours of each node, itself left out, [N].
        neighbours: Pairs joined by an edge.
        remote: Pairs at a graph distance of at least `REMOTE_ORDER`, those in different components
            among them (their distance is infinite); empty where the graph has, or the searches
            found, none.
        all: Any two nodes.
        searches: Number of nodes whose distances were searched for remote pairs.
        seed: Seed of every sample.
        sample: Size of a sample of remote or of all pairs.
    """

    nodes: int
    degree: Nodes
    neighbours: PairSample
    remote: PairSample
    all: PairSample
    searches: int
    seed: int
    sample: int


def pairs(
    edge_index: NDArray[Any], nodes: int, seed: int = 0, limit: int = 1 << 18, sample: int = 1 << 14
) -> Pairs:
    """Return the neighbour, remote and all pairs of a graph.

    Neighbour pairs are exact up to ``limit``, else ``limit`` of them drawn without replacement
    (energies have heavy tails). Of all pairs, and of the remote pairs that the searches found, at
    most ``sample`` are held; what is left out is drawn uniformly. Remote pairs come from
    breadth-first searches that start at nodes drawn uniformly: `SEARCHES` of them, fewer where
    that would visit more than `SEARCH_VISITS` nodes and edges, but at least 4.

    Args:
        edge_index: Sources and targets, [2, E]; self-loops and repeated edges allowed.
        nodes: Number of nodes, N.
        seed: Seed of every sample.
        limit: Most neighbour pairs.
        sample: Most remote pairs, and most of all pairs.

    Raises:
        ValueError: If the edges are not integers [2, E] below ``nodes``, or a size is below 1.

    Source:
        Chen et al., Measuring and Relieving the Over-smoothing Problem for Graph Neural Networks
        from the Topological View, AAAI 2020.

    Differs:
        A neighbour is joined by an edge, not within three steps.
    """
    edge_index = np.asarray(edge_index)
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.dtype.kind not in "iu":
        raise ValueError(
            f"edges are integers [2, E]; got {edge_index.dtype} of shape {edge_index.shape}"
        )
    if edge_index.size and not (edge_index.min() >= 0 and edge_index.max() < nodes):
        raise ValueError(
            f"edges name nodes 0 to {nodes - 1}; got {edge_index.min()} to {edge_index.max()}"
        )
    if limit < 1 or sample < 1:
        raise ValueError(f"a sample has at least 1 pair; got limit {limit} and sample {sample}")
    random = np.random.default_rng(seed)
    first, second = _simple_edges(edge_index.astype(np.int64), nodes)
    degree = np.bincount(first, minlength=nodes) + np.bincount(second, minlength=nodes)
    searches = _search_starts(nodes, first.size, random)
    return Pairs(
        nodes=nodes,
        degree=degree,
        neighbours=_drawn(first, second, limit, random),
        remote=_remote(first, second, nodes, searches, sample, random),
        all=any_pairs(nodes, sample, random),
        searches=searches.size,
        seed=seed,
        sample=sample,
    )


def any_pairs(nodes: int, sample: int, random: np.random.Generator) -> PairSample:
    """Return all pairs of distinct nodes, or a uniform sample drawn with replacement.

    Args:
        nodes: Number of nodes.
        sample: Most pairs.
        random: Where a sample is drawn from.
    """
    population = nodes * (nodes - 1) // 2
    if population <= sample:
        first, second = (index.astype(np.int64) for index in np.triu_indices(nodes, 1))
    else:
        first, second = distinct(np.full(sample, nodes), random)
        first, second = np.minimum(first, second), np.maximum(first, second)
    return PairSample(first=first, second=second, population=population)


def distinct(size: NDArray[np.int64], random: np.random.Generator) -> tuple[Nodes, Nodes]:
    """Return two different integers below each size, uniformly.

    Args:
        size: [P], at least 2.
        random: Where they are drawn from.
    """
    first, second = random.integers(size), random.integers(size - 1)
    return first, second + (second >= first)


def _simple_edges(edge_index: Nodes, nodes: int) -> tuple[Nodes, Nodes]:
    low, high = edge_index.min(axis=0), edge_index.max(axis=0)
    joined = np.sort((low * nodes + high)[low != high])
    joined = joined[np.diff(joined, prepend=-1) > 0]
    return joined // max(nodes, 1), joined % max(nodes, 1)


def _drawn(first: Nodes, second: Nodes, most: int, random: np.random.Generator) -> PairSample:
    population = first.size
    if population > most:
        kept = np.sort(random.choice(population, most, replace=False, shuffle=False))
        first, second = first[kept], second[kept]
    return PairSample(first=first, second=second, population=population)


def _search_starts(nodes: int, edges: int, random: np.random.Generator) -> Nodes:
    affordable = max(SEARCH_VISITS // max(nodes + 2 * edges, 1), 4)
    return np.sort(random.choice(nodes, min(nodes, affordable, SEARCHES), replace=False))


def _remote(
    first: Nodes, second: Nodes, nodes: int, starts: Nodes, sample: int, random: np.random.Generator
) -> PairSample:
    ends = np.concatenate((first, second)), np.concatenate((second, first))
    graph = sparse.csr_array((np.ones(ends[0].size), ends), shape=(nodes, nodes))
    is_start = np.zeros(nodes, dtype=np.bool_)
    is_start[starts] = True
    far_from = []
    for start in starts:
        far = np.ones(nodes, dtype=np.bool_)
        far[_near(graph, start)] = False
        # A pair of two starts is met from both ends: keep it from the smaller one.
        far[:start] &= ~is_start[:start]
        far_from.append(np.flatnonzero(far))
    near_end = np.repeat(starts, [far.size for far in far_from])
    far_end = np.concatenate(far_from) if far_from else near_end
    found = _drawn(np.minimum(near_end, far_end), np.maximum(near_end, far_end), sample, random)
    counted = found.population if starts.size == nodes else None
    return PairSample(first=found.first, second=found.second, population=counted)


def _near(graph: sparse.csr_array, start: int) -> NDArray[np.int32]:
    """Return the nodes closer to ``start`` than `REMOTE_ORDER`, itself among them."""
    order, parent = breadth_first_order(graph, start, directed=True)
    place = np.empty(graph.shape[0], dtype=np.int64)
    place[order] = np.arange(order.size)
    # Breadth-first order lists the children of earlier nodes first: each depth is one stretch.
    parent_place = place[parent[order[1:]]]
    end = 1
    for _ in range(REMOTE_ORDER - 1):
        end = 1 + int(np.searchsorted(parent_place, end))
    nearest: NDArray[np.int32] = order[:end]
    return nearest
