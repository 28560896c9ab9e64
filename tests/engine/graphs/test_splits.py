"""Seeded splits: sizes, disjoint, the same every time."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.graphs.splits import fold_split, split_by_share, split_per_class

labels = st.lists(st.integers(-1, 4), min_size=1, max_size=60).map(np.array)


@given(labels, st.integers(0, 5))
def test_every_labelled_node_is_in_one_part(y: np.ndarray, seed: int) -> None:
    parts = split_per_class(y, 3, 2, seed)
    np.testing.assert_array_equal(sum(part.astype(int) for part in parts), (y >= 0).astype(int))
    shares = split_by_share(y, y >= 0, (10, 10, 80), seed)
    np.testing.assert_array_equal(sum(part.astype(int) for part in shares), (y >= 0).astype(int))


def test_counts_of_each_class() -> None:
    y = np.repeat([0, 1, -1, 2], [100, 50, 30, 3])
    train, val, test = split_per_class(y, 20, 30, seed=0)
    assert [np.bincount(y[part], minlength=3).tolist() for part in (train, val, test)] == [
        [20, 16, 1],
        [30, 17, 1],
        [50, 17, 1],
    ]


def test_shares_of_each_class() -> None:
    y = np.repeat([0, 1, 2, 3, 4], [100, 10, 3, 2, 1])
    parts = split_by_share(y, y >= 0, (10, 10, 80), seed=0)
    assert [np.bincount(y[part], minlength=5).tolist() for part in parts] == [
        [10, 1, 1, 1, 1],
        [10, 1, 1, 0, 0],
        [80, 8, 1, 1, 0],
    ]


def test_a_large_first_share_leaves_one_for_each_later_part() -> None:
    y = np.repeat([0, 1, 2, 3, 4], [100, 5, 3, 2, 1])
    parts = split_by_share(y, y >= 0, (80, 10, 10), seed=0)
    assert [np.bincount(y[part], minlength=5).tolist() for part in parts] == [
        [80, 3, 1, 1, 1],
        [10, 1, 1, 0, 0],
        [10, 1, 1, 1, 0],
    ]


def test_only_nodes_among_those_given() -> None:
    y = np.zeros(20, int)
    among = np.arange(20) < 9
    first, second = split_by_share(y, among, (1, 2), seed=3)
    assert (first.sum(), second.sum()) == (3, 6)
    assert not (first | second)[9:].any()


def test_one_share_takes_all_and_none_takes_none() -> None:
    y = np.array([0, 1, 1])
    (everyone,) = split_by_share(y, y >= 0, (80,), seed=0)
    assert everyone.all()
    assert not any(part.any() for part in split_by_share(y, y > 5, (1, 1), seed=0))


def test_the_seed_decides() -> None:
    y = np.zeros(200, int)
    one, again, other = (split_per_class(y, 20, 30, seed)[0] for seed in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()


def test_drawn_from_all_over() -> None:
    y = np.tile([0, 1], 500)
    train, _, _ = split_per_class(y, 100, 100, seed=0)
    assert 80 < train[:500].sum() < 120


@given(st.lists(st.integers(0, 3), min_size=1, max_size=90).map(np.array))
def test_folds_are_level_in_each_class_and_tested_on_once(y: np.ndarray) -> None:
    splits = [fold_split(y, fold) for fold in range(10)]
    for fold, (train, val, test) in enumerate(splits):
        np.testing.assert_array_equal(train.astype(int) + val + test, 1)
        np.testing.assert_array_equal(val, splits[(fold + 1) % 10][2])
    tested = np.array([np.bincount(y[test], minlength=4) for _, _, test in splits])
    np.testing.assert_array_equal(tested.sum(axis=0), np.bincount(y, minlength=4))
    assert np.ptp(tested, axis=0).max() <= 1
    assert np.ptp(tested.sum(axis=1)) <= 1


def test_folds_are_shuffled_and_always_the_same() -> None:
    y = np.zeros(1000, int)
    test = fold_split(y, 0)[2]
    np.testing.assert_array_equal(test, fold_split(y, 0)[2])
    assert 20 < test[:500].sum() < 80
    assert np.flatnonzero(fold_split(y[:20], 3)[2]).tolist() == [2, 5]
