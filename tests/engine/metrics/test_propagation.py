"""What a propagation does from step to step, against plain dense equations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis import Study
from engine.graphs import Graph, Neighbourhoods
from engine.integer import program_of
from engine.metrics.propagation import (
    Walk,
    codes_used,
    distinct_rows,
    error_bounds,
    objective,
    resistance_bound,
    roughness,
    span,
)
from engine.spec import Appnp, Elastic, ModelSpec, QuantSpec, Smp, scheme


def test_rows_that_are_alike_count_once() -> None:
    assert distinct_rows(np.array([[0, 1], [0, 1], [1, 0], [0, 0]], np.int32)) == 3
    assert distinct_rows(np.zeros((5, 2), np.float32)) == 1
    assert distinct_rows(np.array([[1, 2], [1, 2]], np.int32)[:, ::-1]) == 1


def test_codes_that_hardly_occur_hardly_count() -> None:
    spec = QuantSpec(bits=2)
    assert codes_used(np.array([[-2, -1, 0, 1]]), spec) == pytest.approx(1)
    assert codes_used(np.array([[0, 0, 0, 0]]), spec) == pytest.approx(0.25)
    assert codes_used(np.array([[-2, 1]]), spec) == pytest.approx(0.5)
    one = codes_used(np.array([[0] * 1000 + [1]]), spec)
    assert 0.25 < one < 0.26
    assert span(np.array([[-2, 1]]), spec) == 1
    assert span(np.array([[-1, 0]]), spec) == pytest.approx(1 / 3)


def both_ways(graph: Graph) -> tuple[Walk, np.ndarray, np.ndarray]:
    """Return an undirected graph's walk, dense A_hat and dense B."""
    pairs = Neighbourhoods(graph).incidence
    nodes = graph.nodes
    joined = np.eye(nodes)
    joined[pairs.first, pairs.second] = joined[pairs.second, pairs.first] = 1
    target, source = np.nonzero(joined)
    rowptr = np.concatenate(([0], np.cumsum(np.bincount(target, minlength=nodes))))
    root = np.sqrt(joined.sum(axis=1))
    b = np.zeros((pairs.pairs, nodes))
    b[np.arange(pairs.pairs), pairs.first] = 1 / root[pairs.first]
    b[np.arange(pairs.pairs), pairs.second] = -1 / root[pairs.second]
    walk = Walk(rowptr, source.copy(), pairs.first, pairs.second)
    return walk, joined / root / root[:, None], b


@settings(max_examples=60)
@given(graph=..., seed=st.integers(0, 1000))
def test_objectives_and_constraint_are_their_equations(graph: Graph, seed: int) -> None:
    walk, smooth, b = both_ways(graph)
    h, x = np.random.default_rng(seed).normal(size=(2, graph.nodes, 3))
    laplacian = np.eye(graph.nodes) - smooth
    rough, far = np.trace(h.T @ laplacian @ h), np.sum((h - x) ** 2)
    np.testing.assert_allclose(walk.smoothing.toarray(), smooth, rtol=1e-12)
    np.testing.assert_allclose(walk.differences.toarray(), b, rtol=1e-12)
    assert roughness(h, walk.smoothing) == pytest.approx(rough)
    assert rough == pytest.approx(np.sum((b @ h) ** 2)), "a sum over undirected edges"

    def found(how: Any) -> float:
        return objective(h, x, walk.smoothing, walk.differences, how)

    assert found(Smp(mu=4)) == pytest.approx(far / 2 + 2 * rough)
    assert found(Appnp(teleport=0.2)) == pytest.approx(far / 2 + 2 * rough)
    assert found(Appnp(teleport=0)) == pytest.approx(rough / 2)
    elastic = 2 * np.abs(b @ h).sum() + 3 * rough / 2 + far / 2
    assert found(Elastic(lambda1=2, lambda2=3)) == pytest.approx(elastic)


@settings(max_examples=60)
@given(graph=..., seed=st.integers(0, 1000))
def test_a_change_of_mean_0_is_bounded_by_the_constraint(graph: Graph, seed: int) -> None:
    """The step of the derivation on which all rests: no entry of u exceeds sqrt(R tr(D' L D))."""
    walk, smooth, _ = both_ways(graph)
    root, degree = walk.root, walk.root**2
    u = np.random.default_rng(seed).normal(size=(graph.nodes, 1))
    reachable = np.linalg.matrix_power(smooth, graph.nodes) > 0
    for component in {tuple(np.flatnonzero(row)) for row in reachable}:
        at = list(component)
        u[at] -= (degree[at] * u[at]).sum() / degree[at].sum()
    value = roughness(root * u, walk.smoothing)
    assert np.abs(u).max() <= np.sqrt(resistance_bound(walk.smoothing) * value) + 1e-9


def test_bounds_by_hand() -> None:
    found = error_bounds(Appnp(teleport=0.5), [0, 0], [4.0, 0.0], 1.0, 2.0, [3, 0], 0.2, 0.1)
    before = 0.5 * 0.1 + 0.5 * 0.2
    first = before + (2 + 4 + 2 * before) / 6
    np.testing.assert_allclose(found, [0.1, first, 0.5 * first + 0.1])
    assert np.isnan(error_bounds(Elastic(), [0], [1], 1, 1, [3], 0, 0)).all()


@pytest.mark.parametrize("operator", ["appnp", "elastic", "smp"])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_depths_of_a_network(karate: Graph, operator: str, bits: int) -> None:
    model = ModelSpec(operator=operator, hidden=8, steps=6)
    layers = model.layer_specs(karate.features, karate.classes)
    rng = np.random.default_rng(0)
    constants = {
        (at, name): np.abs(rng.normal(size=shape)) * 0.1
        if name == "multiplier"
        else rng.normal(size=shape)
        for at, layer in enumerate(layers)
        for name, shape in layer.constants.items()
    }
    study = Study(karate, program_of(layers, constants, {}))
    analysis = study.preview(scheme("ptq", bits=bits, model=model).quant)
    depths = analysis.depths
    assert [depth.step for depth in depths] == list(range(7))
    scores = analysis.trace.scores
    test = karate.test
    last = depths[-1]
    assert last.accuracy_integer == (scores.argmax(axis=1) == karate.y)[test].mean()
    float_scores = study.trace.scores
    assert last.accuracy_float == (float_scores.argmax(axis=1) == karate.y)[test].mean()
    assert np.isnan(depths[0].constraint_float)
    assert all(depth.constraint_float >= -1e-12 for depth in depths[1:])
    values = [depth.objective_float for depth in depths]
    if operator != "elastic":
        assert (np.diff(values) <= 1e-5 * values[0]).all()
        assert all(depth.error <= depth.bound for depth in depths), "ranges cover what they see"
    assert all(1 <= depth.distinct_rows <= karate.nodes for depth in depths)
    assert all(0 < depth.codes_used <= 1 for depth in depths[:-1])
    assert np.isnan(last.codes_used), "the scores are in float"
    assert last.to_dict()["codes_used"] is None


def test_a_network_without_steps_has_no_depths(karate: Graph) -> None:
    layers = ModelSpec().layer_specs(karate.features, karate.classes)
    constants = {
        (at, name): np.ones(shape)
        for at, layer in enumerate(layers)
        for name, shape in layer.constants.items()
    }
    study = Study(karate, program_of(layers, constants, {}))
    assert study.preview(scheme("ptq", bits=8).quant).depths == ()
