"""How far a quantized forward is from the float one, node by node.

With three forwards of the same weights, h exact, h_own with only this layer's quantizers on (its
inputs exact) and h_hat with all of them on, the error of node i in this layer splits into

    own       = ||h_own_i - h_i|| / ||h_i||
    inherited = ||h_hat_i - h_own_i|| / ||h_i||
    total     = ||h_hat_i - h_i|| / ||h_i||  <=  own + inherited
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.metrics.rows import Reals, Rows, as_rows, squared_norms, subtract


def absolute_distance(difference: Rows) -> Reals:
    """Return how long each row of a difference is: ``||difference_i||``.

    Args:
        difference: [N, F], dense or sparse.

    Returns:
        [N], float64.

    Raises:
        ValueError: If a number is nan or inf.
    """
    return np.sqrt(squared_norms(as_rows(difference)))


def relative_distance(difference: Rows, reference: Rows) -> Reals:
    """Return how long each row of a difference is beside the reference's.

        ||difference_i|| / ||reference_i||,    0 / 0 = 0 (nothing was lost),    x / 0 = inf

    Args:
        difference: [N, F], dense or sparse.
        reference: [N, F], dense or sparse.

    Returns:
        [N], float64, never nan; inf is left out by `degree_bands`, which counts it.

    Raises:
        ValueError: If the shapes differ, or a number is nan or inf.
    """
    difference, reference = as_rows(difference), as_rows(reference)
    if difference.shape != reference.shape:
        raise ValueError(
            f"a difference has its reference's shape {reference.shape}; got {difference.shape}"
        )
    length, size = absolute_distance(difference), absolute_distance(reference)
    ratio = np.where(length == 0, 0.0, np.inf)
    return np.divide(length, size, out=ratio, where=size > 0)


def relative_l2(reference: Rows, x_hat: Rows) -> Reals:
    """Return the relative L2 error of each node.

        ||x_hat_i - reference_i|| / ||reference_i||,    0 / 0 = 0,    x / 0 = inf

    Args:
        reference: The exact forward, [N, F], dense or sparse.
        x_hat: The quantized forward, [N, F], dense or sparse.

    Returns:
        [N], float64, never nan.

    Raises:
        ValueError: If the shapes differ, or a number is nan or inf.
    """
    reference = as_rows(reference)
    return relative_distance(subtract(as_rows(x_hat), reference), reference)


def sqnr_db(reference: Rows, x_hat: Rows) -> Reals:
    """Return the signal-to-quantization-noise ratio of each node in decibels.

        10 log10(||reference_i||^2 / ||x_hat_i - reference_i||^2) = -20 log10(relative L2)

    Args:
        reference: The exact forward, [N, F], dense or sparse.
        x_hat: The quantized forward, [N, F], dense or sparse.

    Returns:
        [N], float64, never nan: inf where exact, -inf where a zero row got noise.

    Raises:
        ValueError: If the shapes differ, or a number is nan or inf.
    """
    with np.errstate(divide="ignore"):
        return -20.0 * np.log10(relative_l2(reference, x_hat))


def class_flip(scores_a: NDArray[Any], scores_b: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether two forwards put a node in different classes (the first largest score wins).

    Args:
        scores_a: [N, C].
        scores_b: [N, C].

    Returns:
        [N], true where the classes differ.

    Raises:
        ValueError: If the shapes differ, there is no class, or a score is nan.
    """
    scores_a, scores_b = np.asarray(scores_a), np.asarray(scores_b)
    if scores_a.shape != scores_b.shape or scores_a.ndim != 2 or not scores_a.shape[1]:
        raise ValueError(
            f"two sets of scores [N, C] need one shape; got {scores_a.shape} and {scores_b.shape}"
        )
    if np.isnan(scores_a).any() or np.isnan(scores_b).any():
        raise ValueError("a score is nan, so its node has no class (has the run diverged?)")
    return np.asarray(scores_a.argmax(axis=1) != scores_b.argmax(axis=1))
