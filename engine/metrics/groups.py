"""How far apart the classes are beside their own width: the group distance ratio."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.distances import distances
from engine.metrics.pairs import PairSample, any_pairs, distinct
from engine.metrics.rows import Rows, as_rows


def group_pairs(labels: NDArray[Any], seed: int = 0, sample: int = 1 << 14) -> PairSample:
    """Return pairs of labelled nodes for `group_distance_ratio`, those of small classes not rare.

    All pairs up to ``sample``; else half of the sample lies within a class, spread evenly over the
    classes, and half between two classes drawn uniformly; nodes are drawn with replacement.

    Args:
        labels: Class of each node, [N], -1 for none.
        seed: Seed of the sample.
        sample: Most pairs.
    """
    random = np.random.default_rng(seed)
    labelled = np.flatnonzero(labels >= 0)
    exact = any_pairs(labelled.size, sample, random)
    if exact.is_exact:
        return PairSample(
            first=labelled[exact.first], second=labelled[exact.second], population=exact.population
        )
    member = labelled[np.argsort(labels[labelled], kind="stable")]
    _, start, count = np.unique(labels[member], return_index=True, return_counts=True)
    wide = np.flatnonzero(count > 1)
    first, second = np.empty((2, 0), dtype=np.int64)
    if wide.size:
        within = wide[np.arange(sample // 2) % wide.size]
        i, j = distinct(count[within], random)
        first, second = member[start[within] + i], member[start[within] + j]
    if count.size > 1:
        a, b = distinct(np.full(sample // 2, count.size), random)
        first = np.append(first, member[start[a] + random.integers(count[a])])
        second = np.append(second, member[start[b] + random.integers(count[b])])
    return PairSample(first=first, second=second, population=exact.population)


def group_distance_ratio(h: Rows, labels: NDArray[Any], pairs: PairSample) -> float:
    """Return the mean distance between classes over the mean distance within them.

        mean over class pairs a < b of mean ||h_i - h_j||, i in a, j in b
        -----------------------------------------------------------------
        mean over classes a of mean ||h_i - h_j||, i < j both in a

    Near 1 the classes cannot be told apart: oversmoothing.

    Args:
        h: [N, F], dense or sparse.
        labels: Class of each node, [N], -1 for none.
        pairs: Pairs of labelled nodes, from `group_pairs`.

    Returns:
        The ratio; inf where only the distances within are 0, nan where both are or where there
        are no pairs of one of the two sorts.

    Raises:
        ValueError: If a number is nan or inf.

    Source:
        Zhou et al., Towards Deeper Graph Neural Networks with Differentiable Group Normalization,
        NeurIPS 2020.

    Differs:
        Class pairs and classes have equal weight and a node is no pair with itself. The authors'
        code divides rows by their norms, averages squared distances and puts 1 for 0 / 0. Their
        other measure, the instance information gain, is left out: a layer is a deterministic map,
        so it measures the variance of the noise that its estimator adds.
    """
    distance = np.sqrt(distances(as_rows(h), pairs).squared)
    a, b = labels[pairs.first].astype(np.int64), labels[pairs.second].astype(np.int64)
    classes = int(max(a.max(initial=0), b.max(initial=0))) + 1
    group, member, size = np.unique(
        np.minimum(a, b) * classes + np.maximum(a, b), return_inverse=True, return_counts=True
    )
    mean = np.bincount(member, distance, minlength=group.size) / size
    within = group // classes == group % classes
    if within.all() or not within.any():
        return math.nan
    between_mean, within_mean = float(mean[~within].mean()), float(mean[within].mean())
    if within_mean == 0:
        return math.inf if between_mean > 0 else math.nan
    return between_mean / within_mean
