"""The aggregation benchmark: what is raced are sums over the same neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from engine.bench import aggregation, loops
from engine.bench.aggregation import bench_aggregation
from engine.bench.case import GraphCase
from engine.bench.machine import Machine
from engine.bench.race import Effort
from engine.graphs import Neighbourhoods
from engine.integer.kernels.shares import share_out
from engine.integer.stages.edges import Edges
from engine.peers.sums import pyg_sums, torch_sums
from engine.spec import GraphSpec, LayerSpec, ModelSpec

HUBS = GraphCase(spec=GraphSpec(name="hubs", nodes=80), degree=6, features=20)
MODELS = {
    "gcn": ModelSpec(),
    "gat": ModelSpec(operator="gat"),
    "gin": ModelSpec(operator="gin"),
    "sage": ModelSpec(operator="sage"),
    "sage max": ModelSpec(operator="sage", aggregation="max"),
}


@pytest.mark.parametrize("name", list(MODELS))
def test_names(name: str, machine: Machine) -> None:
    report = bench_aggregation(HUBS, MODELS[name], machine, Effort(rounds=1), bits=(8, 2))
    names = [row["name"] for row in report.rows]
    assert names[:2] == ["torch sparse CSR, float32", "PyG default, float32"]
    assert names[-2:] == ["ours, 8 bits", "ours, 2 bits"]
    assert (len(names) == 6) == (name == "gcn")
    assert len({row["operations"] for row in report.rows}) == 1
    eight, two = report.rows[-2:]
    assert eight["bytes_moved"] > two["bytes_moved"]


def test_bytes_of_a_sum(machine: Machine) -> None:
    effort = Effort(rounds=1, against=())
    report = bench_aggregation(HUBS, ModelSpec(), machine, effort, bits=(4,))
    edges = report.case["edges"] + 80
    assert report.rows[0]["operations"] == edges * 20
    norm, target = 40, 80 * 10
    assert report.rows[0]["bytes_moved"] == edges * (10 + 4) + 80 * 8 + norm + target


@pytest.mark.parametrize("name", ["gcn", "gin", "sage", "sage max"])
def test_peers_sum_the_same(name: str) -> None:
    graph, model = HUBS.graph(), MODELS[name]
    how = model.aggregation or "mean"
    spec = LayerSpec(operator=model.operator, inputs=20, outputs=20, aggregation=how)
    x = np.random.default_rng(0).standard_normal((80, 20), np.float32)
    ours = torch_sums(spec, Neighbourhoods(graph), x)()
    np.testing.assert_allclose(ours, pyg_sums(spec, graph, x)(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
@pytest.mark.parametrize("width", [1, 20, 40, 64, 130])
@pytest.mark.parametrize("smallest", [1, 4096])
def test_the_wide_loop_is_a_sparse_product(kind: type, width: int, smallest: int) -> None:
    neighbours = Neighbourhoods(HUBS.graph()).of("gcn")
    edges = Edges(neighbours.rowptr, neighbours.source)
    incoming = share_out(edges.rowptr, edges.source, smallest)
    rng = np.random.default_rng(0)
    x, norm = rng.integers(-9, 9, (80, width)).astype(kind), rng.integers(0, 9, 80).astype(kind)
    out = np.empty_like(x)
    loops.aggregate(incoming, x, norm, out)
    np.testing.assert_array_equal(out, norm[:, None] * (edges.matrix(1, 80) @ x))
    assert aggregation._wide(edges, x, np.dtype(kind), 7).operations == 7
