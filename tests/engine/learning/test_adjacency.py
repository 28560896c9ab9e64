"""Sums over incoming edges: against a dense matrix, forward and backward."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given

from engine.graphs import Graph, gcn_neighbours
from engine.learning.adjacency import Adjacency, product, sparse_rows


def dense_of(graph: Graph, weights: np.ndarray | None = None) -> torch.Tensor:
    """Return the matrix with w_ij in row i, column j, self-loops as GCN adds them."""
    neighbours = gcn_neighbours(graph)
    held = neighbours.weight if weights is None else weights
    matrix = np.zeros((graph.nodes, graph.nodes), np.float32)
    entries = np.ones(neighbours.edges, np.float32) if held is None else held
    np.add.at(matrix, (neighbours.targets(), neighbours.source), entries)
    return torch.from_numpy(matrix)


@given(graph=...)
def test_sum_equals_a_dense_product(graph: Graph) -> None:
    adjacency = Adjacency.of(gcn_neighbours(graph))
    messages = torch.randn(graph.nodes, 3, generator=torch.Generator().manual_seed(0))
    leaf, twin = messages.clone().requires_grad_(), messages.clone().requires_grad_()
    upstream = torch.arange(3.0 * graph.nodes).view(graph.nodes, 3)
    found, expected = adjacency.sum(leaf), dense_of(graph) @ twin
    torch.testing.assert_close(found, expected)
    found.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(leaf.grad, twin.grad)


@given(graph=...)
def test_other_weights_take_the_place_of_the_graphs(graph: Graph) -> None:
    neighbours = gcn_neighbours(graph)
    adjacency = Adjacency.of(neighbours)
    weights = np.random.default_rng(0).random(neighbours.edges, np.float32)
    leaf = torch.ones(graph.nodes, 2, requires_grad=True)
    found = adjacency.sum(leaf, torch.from_numpy(weights))
    matrix = dense_of(graph, weights)
    torch.testing.assert_close(found, matrix @ torch.ones(graph.nodes, 2))
    found.sum().backward()
    torch.testing.assert_close(leaf.grad, matrix.sum(0).unsqueeze(1).expand(-1, 2))


@given(graph=...)
def test_holds_the_coefficients_and_weights_of_the_graph(graph: Graph) -> None:
    neighbours = gcn_neighbours(graph)
    adjacency = Adjacency.of(neighbours)
    np.testing.assert_array_equal(adjacency.coefficient.numpy(), neighbours.coefficient)
    assert (adjacency.weights is None) == (graph.edge_weight is None)
    if adjacency.weights is not None:
        np.testing.assert_array_equal(adjacency.weights.numpy(), neighbours.weight)
        kept = adjacency.weights[adjacency.transpose]
        np.testing.assert_array_equal(kept.numpy(), neighbours.transposed().weight)


@given(graph=...)
def test_double_precision_is_the_same_graph(graph: Graph) -> None:
    adjacency = Adjacency.of(gcn_neighbours(graph))
    messages = torch.randn(graph.nodes, 3, generator=torch.Generator().manual_seed(0))
    wide = adjacency.double()
    assert wide.coefficient.dtype == wide.sum(messages.double()).dtype == torch.float64
    torch.testing.assert_close(wide.sum(messages.double()).float(), adjacency.sum(messages))
    if wide.weights is not None:
        same = adjacency.sum(messages, adjacency.weights)
        torch.testing.assert_close(wide.sum(messages.double(), wide.weights).float(), same)


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
