"""Where nodes lie in a plane that stays the same from depth to depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from engine.metrics.rows import Rows, dense

MOST_ROWS = 1000
"""Nodes of a state from which its plane is found."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Two directions, and where they cross.

    Args:
        centre: [F].
        axes: Orthonormal, [F, 2].
        depths: The depths that share it.
    """

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    depths: range

    def place(self, h: Rows) -> Points:
        """Return where rows lie, [N, F] to [N, 2]."""
        return np.asarray((dense(h).astype(np.float64) - self.centre) @ self.axes)


def planes(states: Sequence[Rows], seed: int = 0) -> list[Plane]:
    """Return a plane for each depth: the two principal directions of all states of one width.

    Neighbouring depths of one width share theirs, so that nodes that move have moved. Where the
    width changes, the new plane is turned, or turned over, so that nodes stay where they were as
    well as they can.

    Args:
        states: What nodes hold at depth 0 to L, [N, F_l] each, of N at least 1, finite.
        seed: Seed of the nodes by which planes are found, of more than `MOST_ROWS`.

    Returns:
        [L + 1].

    Source:
        Pearson, On lines and planes of closest fit to systems of points in space, 1901; Schönemann,
        A generalized solution of the orthogonal Procrustes problem, 1966.
    """
    nodes = states[0].shape[0]
    some = np.arange(nodes)
    if nodes > MOST_ROWS:
        some = np.sort(np.random.default_rng(seed).choice(nodes, MOST_ROWS, replace=False))
    found: list[Plane] = []
    before: Points | None = None
    for _, group in groupby(range(len(states)), key=lambda at: states[at].shape[1]):
        depths = list(group)
        held = [dense(states[at][some]).astype(np.float64) for at in depths]
        plane = _plane(np.concatenate(held), range(depths[0], depths[-1] + 1))
        if before is not None:
            plane = _turned(plane, plane.place(held[0]), before)
        before = plane.place(held[-1])
        found += [plane] * len(depths)
    return found


def _plane(rows: NDArray[np.float64], depths: range) -> Plane:
    centre = rows.mean(axis=0)
    _, vectors = np.linalg.eigh((rows - centre).T @ (rows - centre))
    axes = np.zeros((rows.shape[1], 2))
    kept = min(2, rows.shape[1])
    axes[:, :kept] = vectors[:, ::-1][:, :kept]
    largest = np.abs(axes).argmax(axis=0)
    signs = np.sign(axes[largest, [0, 1]])
    return Plane(centre, axes * np.where(signs == 0, 1, signs), depths)


def _turned(plane: Plane, here: Points, before: Points) -> Plane:
    """Return a plane turned so that points lie as near as they can to where they were."""
    u, _, v = np.linalg.svd(here.T @ (before - before.mean(axis=0)))
    return Plane(plane.centre, plane.axes @ (u @ v), plane.depths)
