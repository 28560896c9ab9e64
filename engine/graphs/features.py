"""Node features: dense or sparse by how many entries are not 0; their sums; rows that sum to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

Features: TypeAlias = NDArray[np.float32] | csr_array

SPARSE_BELOW = 0.2
"""Share of non-zero entries under which features are kept as sparse rows."""


def compact(x: Any) -> Features:
    """Return features in float32, as sparse rows if under a fifth of them are not 0.

    Args:
        x: A real matrix [N, F], NumPy or SciPy sparse.
    """
    with np.errstate(over="ignore"):
        if issparse(x):
            sparse = csr_array(x, dtype=np.float32, copy=True)
            sparse.sum_duplicates()
            sparse.eliminate_zeros()
            dense_enough = sparse.nnz >= SPARSE_BELOW * sparse.shape[0] * sparse.shape[1]
            return sparse.toarray() if dense_enough else sparse
        dense = np.ascontiguousarray(x, dtype=np.float32)
    if np.count_nonzero(dense) >= SPARSE_BELOW * dense.size:
        return dense
    return csr_array(dense)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Gathering:
    """Sparse features that are gathered over edges.

    Args:
        rowptr: Where each target's edges start, [R + 1].
        source: The node at the other end of each edge, [E].
        starts: Where each node's stored entries begin, [N + 1].
        columns: Column of each stored entry.
        width: F.
        own: Whether a target's own row is gathered too; R is then N.
    """

    rowptr: NDArray[np.integer[Any]]
    source: NDArray[np.integer[Any]]
    starts: NDArray[np.integer[Any]]
    columns: NDArray[np.integer[Any]]
    width: int
    own: bool

    @property
    def reached(self) -> int:
        """Stored entries, each as often as there are targets that it reaches."""
        return int(np.diff(self.starts)[self.source].sum() + self.own * self.columns.size)

    @property
    def stays_sparse(self) -> bool:
        """Whether under a fifth of the gathered entries can be other than 0, by `reached`."""
        return self.reached < SPARSE_BELOW * (self.rowptr.size - 1) * self.width

    def places(self) -> csr_array:
        """Return what is gathered, [R, F], with a number at each entry that may be other than 0."""
        shape = self.rowptr.size - 1, self.starts.size - 1
        edges = csr_array((np.ones(self.source.size), self.source, self.rowptr), shape=shape)
        ones = np.ones(self.columns.size)
        stored = csr_array((ones, self.columns, self.starts), shape=(shape[1], self.width))
        gathered = edges @ stored + stored if self.own else edges @ stored
        gathered.sort_indices()
        return gathered


def row_normalized(x: Features) -> Features:
    """Divide each row by the sum of its magnitudes; rows of zeros stay.

    ``x_i / sum_f |x_if|``

    Args:
        x: Features, [N, F].

    Returns:
        Features of the same kind and shape.

    Differs:
        The usual row normalisation divides by the plain sum, which is the same for counts, words
        and pixels, but has no meaning where entries of both signs cancel.
    """
    total = np.asarray(abs(x).sum(axis=1, dtype=np.float64)).ravel()
    total[total == 0] = 1
    if isinstance(x, csr_array):
        data = (x.data / np.repeat(total, np.diff(x.indptr))).astype(np.float32)
        return csr_array((data, x.indices, x.indptr), shape=x.shape)
    return (x / total[:, None]).astype(np.float32)


def standardized(values: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
    """Return ``(v - mean) / deviation``, zeros where all are equal, as one column.

    Args:
        values: In-degrees or other counts, [N].

    Returns:
        Features, [N, 1].
    """
    column: NDArray[np.float64] = (values - values.mean()) / (values.std() or 1)
    return column[:, None].astype(np.float32)
