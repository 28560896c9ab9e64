"""Sums and means over incoming edges: against a dense matrix, forward and backward."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.graphs import Graph, Neighbourhoods, Neighbours
from engine.learning.adjacency import Adjacencies, product, sparse_rows
from engine.spec import SpecError

OPERATORS = st.sampled_from(["gcn", "gat", "gin", "sage"])


def plain(graph: Graph) -> Graph:
    return replace(graph, edge_weight=None)


def dense_of(neighbours: Neighbours, weights: np.ndarray | None = None) -> Tensor:
    """Return the matrix with w_ij in row i, column j."""
    held = neighbours.weight if weights is None else weights
    matrix = np.zeros((neighbours.nodes, neighbours.nodes), np.float32)
    entries = np.ones(neighbours.edges, np.float32) if held is None else held
    np.add.at(matrix, (neighbours.targets(), neighbours.source), entries)
    return torch.from_numpy(matrix)


def seeded(graph: Graph, width: int = 3) -> Tensor:
    return torch.randn(graph.nodes, width, generator=torch.Generator().manual_seed(0))


def assert_same(found: Tensor, expected: Tensor, leaf: Tensor, twin: Tensor) -> None:
    torch.testing.assert_close(found, expected)
    upstream = torch.arange(1.0 * found.numel()).view_as(found)
    found.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(leaf.grad, twin.grad)


@given(graph=..., operator=OPERATORS)
def test_sum_equals_a_dense_product(graph: Graph, operator: str) -> None:
    graph = graph if operator == "gcn" else plain(graph)
    neighbourhoods = Neighbourhoods(graph)
    leaf, twin = (seeded(graph).requires_grad_() for _ in range(2))
    found = Adjacencies(neighbourhoods).of(operator).sum(leaf)
    assert_same(found, dense_of(neighbourhoods.of(operator)) @ twin, leaf, twin)


@given(graph=..., own=st.sampled_from([1.0, 1.5, -2.0]))
def test_a_nodes_own_message_counts_by_its_weight(graph: Graph, own: float) -> None:
    neighbourhoods = Neighbourhoods(plain(graph))
    leaf, twin = (seeded(graph).requires_grad_() for _ in range(2))
    found = Adjacencies(neighbourhoods).of("gin").sum(leaf, own=own)
    assert_same(found, dense_of(neighbourhoods.of("gin")) @ twin + own * twin, leaf, twin)


@given(graph=...)
def test_mean_is_the_sum_over_the_number_of_edges(graph: Graph) -> None:
    neighbourhoods = Neighbourhoods(plain(graph))
    leaf, twin = (seeded(graph).requires_grad_() for _ in range(2))
    matrix = dense_of(neighbourhoods.of("sage"))
    shares = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    assert_same(Adjacencies(neighbourhoods).of("sage").mean(leaf), shares @ twin, leaf, twin)


@given(graph=..., sizes=st.lists(st.integers(0, 3), min_size=1, max_size=4))
def test_pools_gather_the_nodes_of_each_graph(graph: Graph, sizes: list[int]) -> None:
    """One node a graph, several, or none."""
    ends = np.minimum(np.cumsum([0, *sizes]), graph.nodes)
    starts = np.append(ends, graph.nodes)
    pools = Adjacencies(Neighbourhoods(graph, starts)).pools
    x = seeded(graph)
    parts = [x[low:high] for low, high in pairwise(starts)]
    nothing = torch.zeros(1, 3)
    for found, expected in (
        (pools.sum(x), [part.sum(0, keepdim=True) for part in parts]),
        (pools.mean(x), [part.mean(0, keepdim=True) if len(part) else nothing for part in parts]),
        (pools.max(x), [part.amax(0, keepdim=True) if len(part) else nothing for part in parts]),
    ):
        torch.testing.assert_close(found, torch.cat(expected))
    leaf = x.clone().requires_grad_()
    pools.sum(leaf).backward(torch.arange(3.0 * len(parts)).view(-1, 3))
    of_node = np.repeat(np.arange(len(parts)), np.diff(starts))
    assert leaf.grad[:, 0].tolist() == (3.0 * of_node).tolist()


@given(graph=...)
def test_other_weights_take_the_place_of_the_graphs(graph: Graph) -> None:
    neighbourhoods = Neighbourhoods(graph)
    neighbours = neighbourhoods.of("gcn")
    weights = np.random.default_rng(0).random(neighbours.edges, np.float32)
    leaf, twin = (seeded(graph).requires_grad_() for _ in range(2))
    found = Adjacencies(neighbourhoods).of("gcn").sum(leaf, torch.from_numpy(weights))
    assert_same(found, dense_of(neighbours, weights) @ twin, leaf, twin)


@given(graph=...)
def test_holds_the_coefficients_and_weights_of_the_graph(graph: Graph) -> None:
    neighbourhoods = Neighbourhoods(graph)
    adjacency, neighbours = Adjacencies(neighbourhoods).of("gcn"), neighbourhoods.of("gcn")
    np.testing.assert_array_equal(adjacency.coefficient.numpy(), neighbours.coefficient)
    assert (adjacency.weights is None) == (graph.edge_weight is None)
    if adjacency.weights is not None:
        np.testing.assert_array_equal(adjacency.weights.numpy(), neighbours.weight)


@given(graph=...)
def test_double_precision_is_the_same_graph(graph: Graph) -> None:
    """With means that are divided in float64, too."""
    adjacencies, x = Adjacencies(Neighbourhoods(graph)), seeded(graph)
    adjacency, wide = adjacencies.of("gcn"), adjacencies.double().of("gcn")
    assert wide.coefficient.dtype == wide.sum(x.double()).dtype == torch.float64
    assert torch.equal(wide.coefficient.float(), adjacency.coefficient)
    torch.testing.assert_close(wide.sum(x.double()).float(), adjacency.sum(x))
    torch.testing.assert_close(wide.mean(x.double()).float(), adjacency.mean(x))
    torch.testing.assert_close(
        adjacencies.double().pools.mean(x.double()), x.double().mean(0, keepdim=True)
    )


def test_arrangements_are_made_once_and_shared(karate: Graph) -> None:
    adjacencies = Adjacencies(Neighbourhoods(karate))
    assert adjacencies.of("gin") is adjacencies.of("sage")
    assert adjacencies.of("gcn") is not adjacencies.of("gat")
    with pytest.raises(SpecError, match="operator"):
        adjacencies.of("linear")


def test_product_gives_the_matrix_no_gradient() -> None:
    rowptr, columns = torch.tensor([0, 1, 3]), torch.tensor([2, 0, 1])
    values = torch.tensor([2.0, 3.0, 4.0], requires_grad=True)
    matrix = sparse_rows(rowptr, columns, values.detach(), (2, 3))
    transposed = sparse_rows(
        torch.tensor([0, 1, 2, 3]), torch.tensor([1, 1, 0]), torch.tensor([3.0, 4.0, 2.0]), (3, 2)
    )
    dense = torch.eye(3, requires_grad=True)
    result = product(matrix, transposed, dense)
    assert result.tolist() == [[0, 0, 2], [3, 4, 0]]
    result.sum().backward()
    assert dense.grad.tolist() == [[3] * 3, [4] * 3, [2] * 3]
    assert values.grad is None
