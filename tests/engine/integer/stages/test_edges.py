"""Whose rows are gathered."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.integer.stages.edges import Edges


@given(seed=st.integers(0, 2**32 - 1), nodes=st.integers(0, 12))
def test_edges_from_elsewhere_and_those_of_targets_from_themselves(seed: int, nodes: int) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.integers(0, 3, (nodes, nodes))
    target, source = (np.repeat(index.ravel(), dense.ravel()) for index in np.indices(dense.shape))
    rowptr = np.concatenate(([0], np.cumsum(np.bincount(target, minlength=nodes))))
    edges = Edges(rowptr, source.astype(np.int32))
    np.testing.assert_array_equal(edges.looped, np.diag(dense))
    left = edges.between.matrix(1, nodes).toarray()
    np.testing.assert_array_equal(left, dense - np.diag(np.diag(dense)))
