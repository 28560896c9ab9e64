"""digits-knn: scikit-learn's handwritten digits, each pointing at its nearest neighbours."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.graphs.graph import Graph
from engine.graphs.splits import split_per_class

NEIGHBOURS = 10
TRAIN_PER_CLASS = 20
VALIDATION_PER_CLASS = 50
SPLIT_SEED = 0


def digits_knn() -> Graph:
    """Return the directed nearest-neighbour graph of 1,797 digits of 8 x 8 pixels.

    Every digit has an edge to each of its 10 nearest in Euclidean distance (of equals, the first
    in the file). Out-degrees are therefore all 10, while an in-degree counts for how many others a
    digit is among the nearest: in high dimensions a few are so for many, the hubs, and some for
    none.

    Features are pixels in [0, 1], 64 a node. The split draws 20 nodes of each of the 10 classes for
    training and 50 for validation, seed 0; the rest are for testing.

    Source:
        Pixels: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998. Hubs:
        Radovanović et al., Hubs in Space, JMLR 2010.
    """
    pixels, y = read_digits()
    nodes = len(y)
    nearest = _nearest(pixels, NEIGHBOURS)
    source = np.repeat(np.arange(nodes, dtype=np.int64), NEIGHBOURS)
    train, val, test = split_per_class(y, TRAIN_PER_CLASS, VALIDATION_PER_CLASS, SPLIT_SEED)
    return Graph(
        name="digits-knn",
        edge_index=np.stack([source, nearest.ravel()]),
        x=(pixels / 16).astype(np.float32),
        y=y,
        train=train,
        val=val,
        test=test,
        classes=10,
    )


def read_digits() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixels of scikit-learn's digits, 0 to 16, [1797, 64], and the digits, [1797]."""
    # scikit-learn's own loader reads this very file, but importing it takes 1.5 s, and a
    # dashboard's first paint waits for this graph.
    package = find_spec("sklearn")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("digits-knn needs scikit-learn, which holds the digits")
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    table = np.loadtxt(path, delimiter=",").astype(np.int64)
    return table[:, :64], table[:, 64]


def _nearest(points: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return each point's nearest others, [N, count], by exact distance and then by number."""
    nodes = len(points)
    exact = points.astype(np.float64)
    square = (exact**2).sum(axis=1)
    distance = (square[:, None] + square - 2 * (exact @ exact.T)).astype(np.int64)
    rank = distance * nodes + np.arange(nodes)
    np.fill_diagonal(rank, np.iinfo(np.int64).max)
    return np.sort(np.argpartition(rank, count, axis=1)[:, :count], axis=1)
