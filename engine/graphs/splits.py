"""Seeded, stratified splits of the labelled nodes into train, validation and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]


def split_per_class(y: Labels, train: int, validation: int, seed: int) -> tuple[Mask, Mask, Mask]:
    """Draw a number of nodes of each class for training and validation; test on the rest.

    A small class gives at most a third of its nodes to training and half of the rest to validation.

    Args:
        y: Classes, -1 where a node has no label, [N].
        train: Training nodes of each class.
        validation: Validation nodes of each class.
        seed: Seed of the draw.

    Returns:
        Train, validation and test masks, [N] each.
    """
    labelled = y >= 0
    size = np.bincount(y[labelled])
    first = np.minimum(train, np.maximum(1, size // 3))
    second = np.minimum(validation, (size - first) // 2)
    learned, chosen, tested = _deal(y, labelled, [first, second], seed)
    return learned, chosen, tested


def split_by_share(y: Labels, among: Mask, shares: tuple[float, ...], seed: int) -> list[Mask]:
    """Divide labelled nodes, class by class, in a given proportion.

    The first part gets a node of every class, others where that leaves one for the last.

    Args:
        y: Classes, [N].
        among: The labelled nodes to divide, [N].
        shares: The proportion, for instance (10, 10, 80).
        seed: Seed of the draw.

    Returns:
        One mask for each share, [N] each.
    """
    left = np.bincount(y[among], minlength=1)
    counts = []
    for part, share in enumerate(shares[:-1]):
        wanted = np.rint(left * share / sum(shares[part:])).astype(np.int64)
        most = np.minimum(left, 1) if part == 0 else np.zeros_like(left)
        counts.append(np.clip(wanted, 1, np.maximum(left - 1, most)))
        left = left - counts[-1]
    return _deal(y, among, counts, seed)


def _deal(y: Labels, among: Mask, counts: list[Counts], seed: int) -> list[Mask]:
    """Deal each class's nodes, shuffled, to parts of the given sizes; the rest is the last part."""
    nodes = np.flatnonzero(among)
    shuffled = np.random.default_rng(seed).permutation(nodes)
    dealt = shuffled[np.argsort(y[shuffled], kind="stable")]
    classes = y[dealt]
    start = np.concatenate([[0], np.cumsum(np.bincount(classes, minlength=1))])
    rank = np.arange(len(dealt)) - start[classes]
    masks = []
    low = np.zeros(len(start) - 1, dtype=np.int64)
    for count in [*counts, np.full_like(low, len(dealt))]:
        part = np.zeros(len(y), dtype=bool)
        part[dealt[(rank >= low[classes]) & (rank < (low + count)[classes])]] = True
        masks.append(part)
        low = low + count
    return masks
