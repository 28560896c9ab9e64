"""How many directions the rows of a matrix really use: the effective rank."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import eigh_tridiagonal

from engine.metrics.rows import Rows, as_rows, dense, squared_norms

EXACT_SIDE = 1024
"""Largest smaller side of a sparse matrix whose spectrum is computed exactly, in about 0.2 s."""
PROBES = 16
STEPS = 30
GRAM_ROWS = 4096


def rank_is_exact(h: Rows) -> bool:
    """Return whether `effective_rank` is exact for a matrix: dense, or small on one side."""
    return isinstance(h, np.ndarray) or min(h.shape) <= EXACT_SIDE


def effective_rank(h: Rows, seed: int = 0) -> float:
    """Return the exponential of the entropy of the normalised singular values.

        exp(-sum_k p_k log p_k),    p_k = sigma_k / sum_k sigma_k

    From 1 (all rows on one line through 0) to min(N, F). Exact for a dense matrix and for a sparse
    one whose smaller side is at most `EXACT_SIDE`. Else, with S = tr A^(1/2), T = tr A^(1/2) log
    A^(1/2) and A = h'h, the entropy is log S - T / S, and both traces are estimated by stochastic
    Lanczos quadrature, `PROBES` random sign vectors and `STEPS` steps each. That is within 3% on
    Cora's and CiteSeer's bags of words; for a rank below about a hundred it would be poor.

    Args:
        h: [N, F], dense or sparse, finite.
        seed: Seed of the probes.

    Returns:
        The effective rank; nan for a matrix of zeros.

    Raises:
        ValueError: If a number is nan or inf.

    Source:
        Roy and Vetterli, The Effective Rank: A Measure of Effective Dimensionality, EUSIPCO 2007;
        Ubaru, Chen and Saad, Fast Estimation of tr(f(A)) via Stochastic Lanczos Quadrature, SIAM
        J. Matrix Anal. Appl. 2017.
    """
    h = as_rows(h)
    if not squared_norms(h).any():
        return math.nan
    if h.shape[1] > h.shape[0]:
        h = as_rows(h.T)
    eigenvalue, weight = _spectrum(h) if rank_is_exact(h) else _quadrature(h, seed)
    sigma = np.sqrt(eigenvalue)
    share = sigma / (weight * sigma).sum()
    return math.exp(-(weight * share * np.log(share)).sum())


def _spectrum(h: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the eigenvalues of h'h above the rounding error, each with weight 1."""
    gram = np.zeros((h.shape[1], h.shape[1]))
    for start in range(0, h.shape[0], GRAM_ROWS):
        rows = dense(h[start : start + GRAM_ROWS]).astype(np.float64)
        gram += rows.T @ rows
    eigenvalue = np.linalg.eigvalsh(gram)
    eigenvalue = eigenvalue[eigenvalue > eigenvalue[-1] * max(h.shape) * np.finfo(np.float64).eps]
    return eigenvalue, np.ones(eigenvalue.size)


def _quadrature(h: sparse.csr_array, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights with ``tr f(h'h) = sum weight f(node)`` about, for f(0) = 0."""
    side = h.shape[1]
    transposed = as_rows(h.T)
    signs = np.random.default_rng(seed).integers(2, size=(side, PROBES)) * 2 - 1
    vector = (signs / math.sqrt(side)).astype(h.dtype)
    previous = np.zeros_like(vector)
    diagonal, off = np.zeros((STEPS, PROBES)), np.zeros((STEPS, PROBES))
    for step in range(STEPS):
        image = transposed @ (h @ vector) - off[step - 1].astype(h.dtype) * previous
        diagonal[step] = np.einsum("ip,ip->p", image, vector, dtype=np.float64)
        image -= diagonal[step].astype(h.dtype) * vector
        off[step] = np.sqrt(np.einsum("ip,ip->p", image, image, dtype=np.float64))
        previous = vector
        # A used-up Krylov space leaves zeros, and so ends its recurrence.
        vector = image / np.where(off[step] > 0, off[step], 1).astype(h.dtype)
    nodes, weights = [], []
    for probe in range(PROBES):
        node, ritz = eigh_tridiagonal(diagonal[:, probe], off[:-1, probe])
        nodes.append(node)
        weights.append(np.square(ritz[0]) * side / PROBES)
    node, weight = np.concatenate(nodes), np.concatenate(weights)
    real = (node > node.max() * np.finfo(h.dtype).eps) & (weight > 0)
    return node[real], weight[real]
