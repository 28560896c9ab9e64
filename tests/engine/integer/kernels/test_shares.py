"""Edges are shared out evenly: every one once, hubs over several threads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.integer.kernels.shares import PARTS, SMALLEST, share_out


@given(
    degree=st.lists(st.integers(0, 5) | st.integers(0, 400), max_size=60),
    smallest=st.sampled_from([1, 3, 20, 10_000]),
)
def test_every_edge_is_taken_once(degree: list[int], smallest: int) -> None:
    rowptr = np.cumsum([0, *degree])
    incoming = share_out(rowptr, np.zeros(rowptr[-1], np.int32), smallest)
    fair = max(smallest, -(-(rowptr[-1] + len(degree)) // PARTS))
    row = piece = 0
    for first, last, start, end in incoming.parts:
        assert first == row < last
        row = last
        assert start in (piece, end)
        if start < end:
            assert last == first + 1
            assert degree[first] > fair
            edges = incoming.pieces[start:end].ravel()
            assert edges[0] == rowptr[first]
            assert edges[-1] == rowptr[last]
            assert (edges[1:-1:2] == edges[2::2]).all()
            assert np.diff(edges)[::2].min() > 0
            assert np.diff(edges)[::2].max() <= fair
            piece = end
        else:
            assert max(degree[first:last]) <= fair
            assert sum(degree[first:last]) + last - first <= 2 * fair + 1
    assert row == len(degree)
    assert piece == len(incoming.pieces)


@pytest.mark.parametrize("nodes", [200, 200_000])
def test_one_hub_is_work_for_many_threads(nodes: int) -> None:
    rowptr = np.concatenate([[0], np.full(nodes, 100_000)])
    incoming = share_out(rowptr, np.zeros(100_000, np.int32))
    assert len(incoming.pieces) >= 100_000 // SMALLEST
    assert np.ptp(np.diff(incoming.pieces)) <= 1


def test_a_small_graph_is_one_part() -> None:
    incoming = share_out(np.arange(0, 3001, 3), np.zeros(3000, np.int32))
    assert incoming.parts.tolist() == [[0, 1000, 0, 0]]
    assert not incoming.pieces.size
