"""The rows of a matrix, dense or sparse: their norms and their differences."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Rows: TypeAlias = NDArray[Any] | sparse.csr_array
"""Real numbers [N, F]: one row a node."""

Reals = NDArray[np.float64]

SPARSE_SHARE = 1 / 5
"""Share of stored entries above which dense rows are faster to measure: of 35 % four times as fast,
of 10 % no faster."""


def as_rows(h: Any) -> Rows:
    """Return a matrix as a floating NumPy array or a CSR array without repeated entries.

    CSR is what stores few entries, see `SPARSE_SHARE`.

    Args:
        h: [N, F], dense or any SciPy sparse form.

    Raises:
        ValueError: If it does not have two axes.
    """
    if sparse.issparse(h):
        h = sparse.csr_array(h)
        if not h.has_canonical_format:
            h = h.copy()
            h.sum_duplicates()
        if h.nnz > SPARSE_SHARE * h.shape[0] * h.shape[1]:
            h = h.toarray()
    else:
        h = np.asarray(h)
    if h.ndim != 2:
        raise ValueError(f"rows of nodes need two axes, [N, F]; got the shape {h.shape}")
    return h if h.dtype in (np.float32, np.float64) else h.astype(np.float64)


def squared_norms(h: Rows) -> Reals:
    """Return ``||h_i||^2`` of each row in float64.

    Args:
        h: [N, F].

    Returns:
        [N], float64.

    Raises:
        ValueError: If a row holds nan or inf, or its squared norm overflows.
    """
    norms = sum_squares(h)
    bad = np.flatnonzero(~np.isfinite(norms))
    if bad.size:
        raise ValueError(
            f"{bad.size} of {norms.size} rows hold nan or inf, row {bad[0]} first; "
            "wanted finite numbers (has the run diverged?)"
        )
    return norms


def subtract(a: Rows, b: Rows) -> Rows:
    """Return ``a - b`` in float64, [N, F]; sparse where both are.

    Raises:
        ValueError: If the shapes differ.
    """
    if a.shape != b.shape:
        raise ValueError(f"two forwards of the same nodes need one shape; got {a.shape}, {b.shape}")
    if not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
        return sparse.csr_array(a.astype(np.float64) - b)
    return np.subtract(dense(a), dense(b), dtype=np.float64)


def dense(h: Rows) -> NDArray[Any]:
    """Return the same numbers as a NumPy array."""
    return h if isinstance(h, np.ndarray) else np.asarray(h.toarray())


def sum_squares(h: Rows) -> Reals:
    """Return the sum of each row's squares in float64, [N], finite or not."""
    if isinstance(h, np.ndarray):
        return np.asarray(np.einsum("nf,nf->n", h, h, dtype=np.float64))
    row = np.repeat(np.arange(h.shape[0]), np.diff(h.indptr))
    squares = np.square(h.data, dtype=np.float64)
    return np.bincount(row, squares, minlength=h.shape[0]).astype(np.float64, copy=False)
