"""Where to draw nodes: neighbours near, all others apart, in graphs of any size."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.sparse import csr_array

STEPS = 150
AVERAGES = 20
"""How often nodes that begin at random places first move towards their neighbours."""
NOISE = 0.01
"""What then sets those apart that came to lie on each other."""
GRAVITY = 0.5
BOLDEST = 0.2
"""The farthest that a node goes in the first step; half as far, a quarter of the steps later."""
FEW = 300
"""Nodes each of which is pushed by every other; the charge of more is gathered on a grid."""
CELLS_A_NODE = 16
COARSEST, FINEST = 64, 512
COARSE = ((0.4, 4), (0.75, 2), (1.0, 1))
"""Until which share of the steps the grid is how many times coarser."""

Points = NDArray[np.float64]


def layout(edges: NDArray[np.integer[Any]], nodes: int, seed: int = 0) -> Points:
    """Return positions in the plane where neighbours are near and others apart.

    Every node is pulled to the mean of its neighbours and to the middle, and all push each other
    like charges in the plane, ``force = charge / distance``, of ``in-degree + 1`` each. Such
    charges come to rest evenly spread over a disc, so that what is joined stands out in it and
    nothing drifts far away. The push is a convolution on a grid, so that a step takes
    ``O(nodes + edges)`` and as long again for the grid, not ``O(nodes^2)``.

    Args:
        edges: Sources and targets, [2, e], directions, repeats and loops ignored.
        nodes: Number of nodes n, numbered from 0.
        seed: Seed of the starting positions; the same seed gives the same layout.

    Returns:
        Positions in a disc of a radius of about 1 around the middle, [n, 2].

    Source:
        The forces are those of Jacomy et al., ForceAtlas2, PLoS ONE 9(6), 2014, its pull taken as a
        mean; the slowing steps of Fruchterman & Reingold, Graph drawing by force-directed
        placement, 1991; the grid is the particle-mesh method (Hockney & Eastwood, 1981).
    """
    rng = np.random.default_rng(seed)
    neighbours, degree = _neighbours(edges, nodes)
    charge = (degree + 1) / (degree + 1).sum()
    pull = (degree / (degree + 1))[:, None]
    position = rng.normal(size=(nodes, 2))
    for _ in range(AVERAGES):
        joined = np.where(degree[:, None] > 0, neighbours @ position, position)
        position = (position + joined) / 2
        position -= charge @ position
    position /= np.abs(position).max(initial=0) or 1
    position = np.sign(position) * np.sqrt(np.abs(position))
    position += NOISE * rng.normal(size=position.shape)
    cells = int(2 ** np.ceil(np.log2(np.sqrt(CELLS_A_NODE * max(nodes, 1)))))
    for step in range(STEPS):
        done = step / STEPS
        if nodes <= FEW:
            push = _push(position, charge)
        else:
            coarser = next(times for until, times in COARSE if done < until)
            push = _push_on_grid(position, charge, max(COARSEST, min(cells, FINEST) // coarser))
        force = push + pull * (neighbours @ position - position) - GRAVITY * position
        size = np.linalg.norm(force, axis=1, keepdims=True)
        farthest = BOLDEST * (1 - done) ** 2
        position += force * np.minimum(1, farthest / np.maximum(size, np.finfo(float).tiny))
    placed: Points = position * np.sqrt(GRAVITY)
    return placed


def _neighbours(edges: NDArray[np.integer[Any]], nodes: int) -> tuple[csr_array, NDArray[np.int64]]:
    """Return the matrix that takes the mean over neighbours, and how many each node has."""
    source, target = edges[:, edges[0] != edges[1]]
    joined = csr_array((np.ones(source.size), (source, target)), shape=(nodes, nodes))
    joined = csr_array(joined + joined.T)
    degree = np.diff(joined.indptr).astype(np.int64)
    joined.data = np.repeat(1 / np.maximum(degree, 1), degree)
    return joined, degree


def _push(position: Points, charge: NDArray[np.float64]) -> Points:
    """Return each node's push by every other, [n, 2]."""
    apart = position[:, None] - position
    nearness = charge / np.maximum((apart**2).sum(axis=2), np.finfo(np.float32).eps)
    push: Points = np.einsum("ij,ijk->ik", nearness, apart)
    return push


def _push_on_grid(position: Points, charge: NDArray[np.float64], cells: int) -> Points:
    """Return each node's push by the charges on a grid of ``cells`` by ``cells``, [n, 2].

    Charges are shared among the four corners of their cell, as the push is taken from these.
    """
    low = position.min(axis=0)
    width = float((position.max(axis=0) - low).max()) / (cells - 1) or 1.0
    place = (position - low) / width
    cell = np.minimum(place.astype(np.int64), cells - 2)
    (right, above), at = (place - cell).T, cell @ (cells, 1)
    corners = [
        (at, (1 - right) * (1 - above)),
        (at + 1, (1 - right) * above),
        (at + cells, right * (1 - above)),
        (at + cells + 1, right * above),
    ]
    held = np.zeros(cells * cells)
    for corner, share in corners:
        held += np.bincount(corner, charge * share, minlength=held.size)
    charges = fft.rfft2(held.reshape(cells, cells).astype(np.float32), (2 * cells, 2 * cells))
    push = np.zeros_like(position)
    for axis, force in enumerate(_forces(cells)):
        field = fft.irfft2(charges * force, (2 * cells, 2 * cells))[:cells, :cells].ravel()
        for corner, share in corners:
            push[:, axis] += share * field[corner]
    return push / width


@lru_cache(3)
def _forces(cells: int) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    """Return the transforms of a unit charge's force across and along, in widths of a cell."""
    offset = np.minimum(np.arange(2 * cells), 2 * cells - np.arange(2 * cells)).astype(np.float32)
    sign = np.where(np.arange(2 * cells) < cells, 1, -1).astype(np.float32)
    squared = offset[:, None] ** 2 + offset**2 + np.float32(0.5)
    across = fft.rfft2((sign * offset)[:, None] / squared)
    along = fft.rfft2((sign * offset) / squared)
    return across, along
