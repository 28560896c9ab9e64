"""Smoothness: each measure against double loops and matrices by hand, and at known values."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse

from engine.metrics.distances import distances
from engine.metrics.pairs import pairs as find_pairs
from engine.metrics.rank import effective_rank
from engine.metrics.smoothness import dirichlet, dirichlet_normalised, mad, mad_all, smoothness, smv

ENTRIES = st.integers(-3, 3).map(float) | st.floats(1 / 64, 4, width=16)
CASES = st.integers(1, 11).flatmap(
    lambda nodes: st.tuples(
        st.integers(1, 3).flatmap(
            lambda features: arrays(np.float32, (nodes, features), elements=ENTRIES)
        ),
        st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=20),
    )
)
FORMS = st.sampled_from([np.asarray, sparse.csr_array])


def edge_index(edges) -> np.ndarray:
    return np.array(edges, dtype=np.int64).reshape(-1, 2).T


def graph(nodes: int, edges):
    return find_pairs(edge_index(edges), nodes)


def path(nodes: int):
    return graph(nodes, [(i, i + 1) for i in range(nodes - 1)])


def adjacency(nodes: int, edges) -> np.ndarray:
    a = np.zeros((nodes, nodes))
    for i, j in edges:
        if i != j:
            a[i, j] = a[j, i] = 1
    return a


def slow_cosine_distance(a, b) -> float:
    size_a, size_b = math.hypot(*map(float, a)), math.hypot(*map(float, b))
    if size_a == 0 or size_b == 0:
        return float(size_a != size_b)
    return 1 - sum(float(x) * float(y) for x, y in zip(a, b, strict=True)) / (size_a * size_b)


def slow_mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def near(expected: float):
    return pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True)


@given(case=CASES, form=FORMS)
def test_direction_distances_equal_loops(case, form) -> None:
    h, edges = case
    nodes = len(h)
    pairs = graph(nodes, edges)
    every = [(i, j) for i in range(nodes) for j in range(i + 1, nodes)]
    joined = [(i, j) for i, j in every if adjacency(nodes, edges)[i, j]]
    apart = {(i, j): slow_cosine_distance(h[i], h[j]) for i, j in every}
    near_apart = distances(form(h), pairs.neighbours)
    assert mad(near_apart) == near(slow_mean([apart[pair] for pair in joined]))
    assert near_apart.collapsed == sum(not (h[i].any() and h[j].any()) for i, j in joined)
    assert mad_all(form(h)) == near(slow_mean([apart[pair] for pair in every]))
    slow_smv = slow_mean([math.sqrt(max(apart[pair], 0) / 2) for pair in every])
    assert smv(distances(form(h), pairs.all)) == pytest.approx(slow_smv, abs=1e-6, nan_ok=True)


@given(case=CASES, form=FORMS)
def test_energies_equal_loops_and_matrices(case, form) -> None:
    h, edges = case
    nodes = len(h)
    pairs = graph(nodes, edges)
    a = adjacency(nodes, edges)
    slow = 0.0
    for i in range(nodes):
        for j in range(nodes):
            if a[i, j]:
                slow += sum((float(x) - float(y)) ** 2 for x, y in zip(h[i], h[j], strict=True))
    apart = distances(form(h), pairs.neighbours)
    assert dirichlet(apart, nodes) == near(slow / nodes)
    looped = a + np.eye(nodes)
    scale = 1 / np.sqrt(looped.sum(axis=0))
    laplacian = np.eye(nodes) - scale[:, None] * looped * scale
    exact = h.astype(np.float64)
    assert dirichlet_normalised(apart, pairs.degree) == near(np.trace(exact.T @ laplacian @ exact))


@given(case=CASES, form=FORMS)
def test_every_field_is_its_measure(case, form) -> None:
    h, edges = case
    nodes = len(h)
    pairs = graph(nodes, edges)
    total = float((h.astype(np.float64) ** 2).sum())
    found = smoothness(form(h), pairs, np.arange(nodes) % 2)
    joined, far = distances(h, pairs.neighbours), distances(h, pairs.remote)
    assert found.mad_neighbours == near(mad(joined))
    assert found.collapsed_neighbours == joined.collapsed
    assert found.mad_remote == near(mad(far))
    assert found.collapsed_remote == far.collapsed
    assert found.mad_gap == near(found.mad_remote - found.mad_neighbours)
    assert found.mad_all == near(mad_all(h))
    assert found.zero_rows == sum(not row.any() for row in h)
    assert found.dirichlet == near(dirichlet(joined, nodes))
    assert found.dirichlet_normalised == near(dirichlet_normalised(joined, pairs.degree))
    assert found.smv == pytest.approx(smv(distances(h, pairs.all)), abs=1e-6, nan_ok=True)
    assert found.effective_rank == near(effective_rank(h))
    assert found.sampled == ()
    if total:
        assert found.dirichlet_relative * total == near(found.dirichlet)
        assert found.dirichlet_normalised_relative * total == near(found.dirichlet_normalised)
        assert -1e-9 <= found.dirichlet_normalised_relative <= 2 + 1e-9
    else:
        assert math.isnan(found.dirichlet_relative)
        assert math.isnan(found.dirichlet_normalised_relative)


def test_equal_rows_have_no_raw_energy_and_no_distance() -> None:
    h = np.tile(np.array([0.1, -0.7, 0.3], dtype=np.float32), (12, 1))
    found = smoothness(h, path(12))
    assert (found.dirichlet, found.mad_neighbours, found.mad_remote, found.smv) == (0, 0, 0, 0)
    assert found.mad_gap == 0
    assert found.mad_all == pytest.approx(0, abs=1e-12)
    assert found.effective_rank == pytest.approx(1)
    assert found.dirichlet_normalised > 0.01


def test_root_of_degree_has_no_normalised_energy() -> None:
    pairs = graph(6, [(0, i) for i in range(1, 5)])
    h = np.sqrt(pairs.degree + 1.0)[:, None] * np.array([[1.0, -2.0]])
    found = smoothness(h, pairs)
    assert found.dirichlet_normalised == pytest.approx(0, abs=1e-12)
    assert found.dirichlet > 0.1


def test_orthogonal_and_opposite_rows() -> None:
    found = smoothness(np.eye(12, dtype=np.float32), path(12))
    assert (found.mad_neighbours, found.mad_remote, found.mad_all) == (1, 1, pytest.approx(1))
    assert found.smv == pytest.approx(math.sqrt(0.5))
    assert found.dirichlet == pytest.approx(2 * 11 * 2 / 12)
    opposite = smoothness(np.array([[1.0, 2.0], [-3.0, -6.0]]), path(2))
    assert opposite.mad_neighbours == pytest.approx(2)
    assert opposite.mad_all == pytest.approx(2)
    assert opposite.smv == pytest.approx(1)


def test_rows_of_zeros_are_equal_to_each_other_orthogonal_to_others_and_counted() -> None:
    h = np.array([[0.0], [0.0], [5.0], [5.0]])
    found = smoothness(h, path(4))
    assert found.mad_neighbours == pytest.approx((0 + 1 + 0) / 3)
    assert found.mad_all == pytest.approx(4 / 6)
    assert (found.zero_rows, found.collapsed_neighbours, found.collapsed_remote) == (2, 2, 0)
    nothing = smoothness(np.zeros((4, 3)), path(4))
    assert (nothing.mad_neighbours, nothing.mad_all, nothing.smv, nothing.dirichlet) == (0, 0, 0, 0)
    assert (nothing.zero_rows, nothing.collapsed_neighbours) == (4, 3)
    assert math.isnan(nothing.effective_rank)


@pytest.mark.parametrize("factor", [1e-18, 1e18])
def test_directions_do_not_see_the_norm_and_relative_energies_neither(factor) -> None:
    h = np.random.default_rng(0).standard_normal((12, 3)).astype(np.float32)
    plain = smoothness(h, path(12), np.arange(12) % 3).to_dict()
    scaled = smoothness(h * np.float32(factor), path(12), np.arange(12) % 3).to_dict()
    for name in set(plain) - {"dirichlet", "dirichlet_normalised", "sampled"}:
        assert scaled[name] == pytest.approx(plain[name], rel=1e-5), name
    assert scaled["dirichlet"] == pytest.approx(plain["dirichlet"] * factor**2, rel=1e-5)


def test_smallest_graphs_leave_undefined_what_is() -> None:
    one = smoothness(np.array([[2.0, 0.0]]), graph(1, [(0, 0)]), np.array([0]))
    assert (one.dirichlet, one.dirichlet_normalised, one.effective_rank) == (0, 0, 1)
    undefined = (
        "mad_neighbours",
        "mad_remote",
        "mad_all",
        "mad_gap",
        "smv",
        "group_distance_ratio",
    )
    data = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert all(data[name] is None for name in undefined)
    none = smoothness(np.zeros((0, 3)), graph(0, []))
    assert (none.dirichlet, none.zero_rows) == (0, 0)
    assert math.isnan(none.mad_all)


def test_isolated_nodes_have_no_energy_and_are_remote() -> None:
    found = smoothness(np.eye(3), graph(3, [(0, 0), (1, 1)]))
    assert (found.dirichlet, found.dirichlet_normalised) == (0, 0)
    assert found.mad_remote == 1
    assert math.isnan(found.mad_neighbours)
    assert math.isnan(found.mad_gap)


def test_samples_are_named_and_near_the_whole() -> None:
    random = np.random.default_rng(0)
    edges = random.integers(1200, size=(2, 1400))
    h = random.standard_normal((1200, 8)).astype(np.float32)
    h[edges[0]] += h[edges[1]]
    labels = random.integers(3, size=1200)
    whole = smoothness(h, find_pairs(edges, 1200, sample=1_000_000), labels)
    part = smoothness(h, find_pairs(edges, 1200, seed=2, limit=900, sample=5000), labels)
    assert whole.sampled == ("mad_remote", "mad_gap")
    assert (part.sampled, part.seed) == (
        (
            "mad_neighbours",
            "mad_remote",
            "mad_gap",
            "dirichlet",
            "dirichlet_relative",
            "dirichlet_normalised",
            "dirichlet_normalised_relative",
            "smv",
            "group_distance_ratio",
        ),
        2,
    )
    for name in part.sampled:
        assert getattr(part, name) == pytest.approx(getattr(whole, name), rel=0.1), name
        assert getattr(part, name) != getattr(whole, name)


def test_refuses() -> None:
    with pytest.raises(ValueError, match="row 2 first; wanted finite numbers"):
        smoothness(np.array([[1.0], [2.0], [np.nan]]), path(3))
    with pytest.raises(ValueError, match="the pairs are of 3 nodes; got 2 rows"):
        smoothness(np.zeros((2, 1)), path(3))
    with pytest.raises(ValueError, match=r"wanted 3 labels, one a node; got shape \(2,\)"):
        smoothness(np.zeros((3, 1)), path(3), np.zeros(2, dtype=np.int64))
    with pytest.raises(ValueError, match="row 0 first"):
        mad_all(np.array([[np.inf]]))
