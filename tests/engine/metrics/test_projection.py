"""The plane of nodes: principal directions, shared by depths of one width, steady beyond."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from engine.metrics.projection import MOST_ROWS, planes

RNG = np.random.default_rng(0)


def test_a_plane_shows_as_much_spread_as_any_two_directions_can() -> None:
    h = RNG.normal(size=(60, 5)) * (3, 0.1, 2, 0.2, 0.3)
    (plane,) = planes([h])
    centred = h - h.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    assert (plane.place(h) ** 2).sum() == pytest.approx((singular[:2] ** 2).sum())
    assert plane.axes.T @ plane.axes == pytest.approx(np.eye(2))


def test_depths_of_one_width_share_a_plane() -> None:
    states = [RNG.normal(size=(30, 6)), *(RNG.normal(size=(30, 4)) for _ in range(3))]
    found = planes(states)
    assert [plane.depths for plane in found] == [range(1), *[range(1, 4)] * 3]
    assert found[1] is found[2] is found[3]


def test_another_width_turns_the_plane_to_where_the_nodes_were() -> None:
    h = RNG.normal(size=(40, 2)) * (3, 1)
    turn = np.linalg.qr(RNG.normal(size=(3, 2)))[0]
    first, second = planes([h, h @ turn.T])
    assert second.place(h @ turn.T) == pytest.approx(first.place(h), abs=1e-9)


def test_sparse_rows_and_many_rows_and_a_single_column() -> None:
    h = RNG.normal(size=(MOST_ROWS + 500, 3)) * (RNG.uniform(size=(MOST_ROWS + 500, 3)) < 0.3)
    sparse, narrow = planes([csr_array(h), h[:, :1]])
    assert sparse.place(csr_array(h)) == pytest.approx(sparse.place(h))
    assert np.isfinite(narrow.place(h[:, :1])).all()
    assert planes([csr_array(h)])[0].axes == pytest.approx(sparse.axes)
