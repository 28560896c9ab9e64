"""digits-superpixels: each of scikit-learn's handwritten digits as a small graph of its regions."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from engine.graphs.digits import read_digits
from engine.graphs.graph import Graph
from engine.graphs.splits import large_split

SIDE = 16
"""Pixels along a side of a digit, after its 8 are doubled."""

GRID = 6
"""Regions along a side to begin with."""

CONTRAST = 4.5
"""Pixels of distance that the difference between black and white counts for."""

ROUNDS = 5
NEIGHBOURS = 6

Reals = NDArray[np.float64]


def digits_superpixels() -> Graph:
    """Return the set of 1,797 digits as directed graphs of 22 to 36 regions each, 10 classes.

    A digit of 8 x 8 pixels, doubled to 16 x 16 by bilinear interpolation, is divided into regions
    by simple linear iterative clustering: k-means over position and shade, begun on a grid of 6 x 6
    centres, in 5 rounds in which a centre looks no further than the cells of the grid beside its
    own. Regions without ink are left out; the others are the nodes, with the mean shade and the
    centre's x and y, in [0, 1], as features.

    Every region has an edge to each of the 6 whose centres are nearest to its own (of equals, the
    first in the grid). Out-degrees are therefore all 6, in-degrees 2 to 12.

    The split is `large_split`.

    Source:
        Achanta et al., SLIC Superpixels, TPAMI 2012; graphs of superpixels: Dwivedi et al.,
        Benchmarking Graph Neural Networks, JMLR 2023. Pixels: Alpaydin & Kaynak, Optical
        Recognition of Handwritten Digits, UCI, 1998.
    """
    pixels, y = read_digits()
    centres, inked = _regions(_doubled(_doubled(pixels.reshape(-1, 8, 8) / 16, 1), 2))
    train, val, test = large_split(y)
    shade, row, column = (part[inked] for part in centres)
    return Graph(
        name="digits-superpixels",
        edge_index=_nearest(centres[1], centres[2], inked),
        x=np.stack([shade, (column + 0.5) / SIDE, (row + 0.5) / SIDE], axis=1).astype(np.float32),
        y=y,
        train=train,
        val=val,
        test=test,
        classes=10,
        starts=np.concatenate([[0], np.cumsum(inked.sum(axis=1))]),
    )


def _doubled(images: Reals, axis: int) -> Reals:
    """Return images of twice the pixels along an axis, interpolated, the edge ones repeated."""
    pixel = np.arange(2 * images.shape[axis])
    near = pixel // 2
    beside = np.clip(near + 2 * (pixel % 2) - 1, 0, near[-1])
    doubled: Reals = 0.75 * images.take(near, axis) + 0.25 * images.take(beside, axis)
    return doubled


def _regions(images: Reals) -> tuple[Reals, NDArray[np.bool_]]:
    """Return the shades, rows and columns of regions' centres, [3, G, K], and which hold ink.

    Args:
        images: Shades from 0 to 1, [G, SIDE, SIDE].
    """
    count, regions = len(images), GRID**2
    shade = np.ascontiguousarray(images.transpose(1, 2, 0))
    row, column = np.indices((SIDE, SIDE, 1), sparse=True)[:2]
    spread = [np.broadcast_to(part, shade.shape) for part in (shade, row, column)]
    middle = (np.arange(GRID) + 0.5) * SIDE / GRID - 0.5
    at = np.rint(middle).astype(np.int64)
    centres = np.stack(
        [
            shade[np.ix_(at, at)].reshape(regions, count),
            np.repeat(middle, GRID)[:, None].repeat(count, axis=1),
            np.tile(middle, GRID)[:, None].repeat(count, axis=1),
        ]
    )
    size = np.zeros((regions, count), dtype=np.int64)
    for _ in range(ROUNDS):
        region = _assigned(shade, row, column, centres)
        place = (region * count + np.arange(count)).ravel()
        size = np.bincount(place, minlength=regions * count).reshape(size.shape)
        for part, values in zip(centres, spread, strict=True):
            total = np.bincount(place, values.ravel(), regions * count).reshape(size.shape)
            np.divide(total, size, out=part, where=size > 0)
    return centres.transpose(0, 2, 1), ((size > 0) & (centres[0] > 0)).T


def _assigned(
    shade: Reals, row: NDArray[np.int64], column: NDArray[np.int64], centres: Reals
) -> NDArray[np.int64]:
    """Return the region of each pixel, [SIDE, SIDE, G]: that of the nearest centre near it."""
    nearest = np.full(shade.shape, np.inf)
    region = np.zeros(shade.shape, dtype=np.int64)
    for number, (down, across) in enumerate(product(range(GRID), repeat=2)):
        near = _beside(down), _beside(across)
        tone, height, width = centres[:, number]
        distance = (CONTRAST * (shade[near] - tone)) ** 2
        distance += (row[near[0]] - height) ** 2 + (column[:, near[1]] - width) ** 2
        nearer = distance < nearest[near]
        np.copyto(nearest[near], distance, where=nearer)
        np.copyto(region[near], number, where=nearer)
    return region


def _beside(cell: int) -> slice:
    """Return the pixels along a side of a cell of the grid and of the cells beside it."""
    first, last = max(cell - 1, 0), min(cell + 2, GRID)
    return slice(-(-first * SIDE // GRID), -(-last * SIDE // GRID))


def _nearest(row: Reals, column: Reals, inked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return edges from each region with ink, [G, K], to the nearest others of its digit."""
    distance = (row[:, :, None] - row[:, None]) ** 2 + (column[:, :, None] - column[:, None]) ** 2
    distance[~(inked[:, :, None] & inked[:, None])] = np.inf
    own = np.arange(GRID**2)
    distance[:, own, own] = np.inf
    target = np.argsort(distance, axis=2, kind="stable")[:, :, :NEIGHBOURS]
    digit, source, rank = np.nonzero(np.take_along_axis(distance, target, axis=2) < np.inf)
    node = np.cumsum(inked).reshape(inked.shape) - 1
    return np.stack([node[digit, source], node[digit, target[digit, source, rank]]])
