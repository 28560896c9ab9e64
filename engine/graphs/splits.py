"""Seeded, stratified splits of labelled nodes or graphs into train, validation and test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.spec.run import FOLDS

Labels = NDArray[np.int64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

LARGE_SHARES = (60.0, 20.0, 20.0)
LARGE_SEED = 0


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


def large_split(y: Labels) -> tuple[Mask, Mask, Mask]:
    """Divide labelled units 60 : 20 : 20 in each class, with seed 0.

    Args:
        y: Classes, -1 where a unit has no label, [U].

    Returns:
        Train, validation and test masks, [U] each.
    """
    train, val, test = split_by_share(y, y >= 0, LARGE_SHARES, LARGE_SEED)
    return train, val, test


def split_by_share(y: Labels, among: Mask, shares: tuple[float, ...], seed: int) -> list[Mask]:
    """Divide labelled nodes, class by class, in a given proportion.

    The first part gets one of every class, others where that leaves one for each later part.

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
        later = len(shares) - 1 - part
        counts.append(np.clip(wanted, 1, np.maximum(left - later, most)))
        left = left - counts[-1]
    return _deal(y, among, counts, seed)


FOLD_SEED = 0


def fold_split(y: Labels, fold: int) -> tuple[Mask, Mask, Mask]:
    """Return a split of ten-fold cross-validation: each fold is for testing once.

    Shuffled with seed 0, the units of class 0, then those of class 1 and so on are dealt to the
    folds in turn, so that folds differ by at most one unit, in each class too. One fold is for
    testing, the one after it (after the last, the first) for validation, the rest for training.

    Args:
        y: Classes, [U]; all have one.
        fold: The fold to test on, 0 to 9.

    Returns:
        Train, validation and test masks, [U] each.
    """
    shuffled = np.random.default_rng(FOLD_SEED).permutation(len(y))
    dealt = shuffled[np.argsort(y[shuffled], kind="stable")]
    fold_of = np.empty(len(y), dtype=np.int64)
    fold_of[dealt] = np.arange(len(y)) % FOLDS
    test, val = fold_of == fold, fold_of == (fold + 1) % FOLDS
    return ~(test | val), val, test


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
