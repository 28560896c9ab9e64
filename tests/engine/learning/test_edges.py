"""Along edges: each operation against a slow twin and torch's own, and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.graphs import Graph
from engine.graphs.neighbours import Neighbours, looped_neighbours, plain_neighbours
from engine.learning import edges

HEADS = st.integers(1, 3)
ARRANGED = st.sampled_from([plain_neighbours, looped_neighbours])


def seeded(*shape: int, integers: bool = False) -> Tensor:
    """Return drawn numbers; as integers of few values, many are equal."""
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x.round() if integers else x


def rows_of(graph: Graph, arrange: Callable[[Graph], Neighbours]) -> tuple[Tensor, Tensor]:
    neighbours = arrange(graph)
    source = torch.from_numpy(neighbours.source.astype(np.int64))
    return torch.from_numpy(neighbours.rowptr), source


def each_row(rowptr: Tensor) -> list[slice]:
    return [slice(*ends) for ends in pairwise(rowptr)]


def slow_softmax(logits: Tensor, rowptr: Tensor, source: Tensor, slope: float) -> Tensor:
    heads = logits.shape[1] // 2
    rows = [logits.new_zeros(0, heads)]
    for i, row in enumerate(each_row(rowptr)):
        edge = logits[source[row], :heads] + logits[i, heads:]
        rows.append(torch.where(edge > 0, edge, slope * edge).softmax(0))
    return torch.cat(rows)


def slow_sum(coefficients: Tensor, messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
    width = messages.shape[1] // coefficients.shape[1]
    wide = coefficients.repeat_interleave(width, dim=1)
    return torch.stack([(wide[row] * messages[source[row]]).sum(0) for row in each_row(rowptr)])


def slow_maximum(messages: Tensor, rowptr: Tensor, source: Tensor) -> Tensor:
    nothing = 0 * messages.sum(0)
    sent = [messages[source[row]] for row in each_row(rowptr)]
    return torch.stack([held.amax(0) if len(held) else nothing for held in sent])


def assert_same(twins: list[Callable[..., Tensor]], real: list[Tensor], *rest: object) -> None:
    """Compare results and gradients of all twins."""
    answers = []
    for twin in twins:
        leaves = [x.clone().requires_grad_() for x in real]
        result = twin(*leaves, *rest)
        result.backward(torch.linspace(-1, 2, result.numel(), dtype=result.dtype).view_as(result))
        answers.append([result, *(leaf.grad for leaf in leaves)])
    for answer in answers[1:]:
        for found, expected in zip(answer, answers[0], strict=True):
            torch.testing.assert_close(found, expected)


@given(graph=..., heads=HEADS, slope=st.sampled_from([0, 0.2, 1]), arrange=ARRANGED, ties=...)
def test_softmax(
    graph: Graph, heads: int, slope: float, arrange: Callable[[Graph], Neighbours], ties: bool
) -> None:
    logits = seeded(graph.nodes, 2 * heads, integers=ties)
    twins = [slow_softmax, edges.softmax, edges.scattered_softmax]
    for x in (logits, logits.float(), logits * 300):
        assert_same(twins, [x], *rows_of(graph, arrange), slope)


@given(graph=..., heads=HEADS, width=st.integers(1, 4), arrange=ARRANGED)
def test_weighted_sum(
    graph: Graph, heads: int, width: int, arrange: Callable[[Graph], Neighbours]
) -> None:
    rowptr, source = rows_of(graph, arrange)
    coefficients = seeded(len(source), heads)
    messages = seeded(graph.nodes, heads * width)
    twins = [slow_sum, edges.weighted_sum, edges.scattered_weighted_sum]
    assert_same(twins, [coefficients, messages], rowptr, source)
    assert_same(twins, [coefficients.float(), messages.float()], rowptr, source)


@given(graph=..., width=st.integers(1, 4), arrange=ARRANGED, ties=...)
def test_maximum(
    graph: Graph, width: int, arrange: Callable[[Graph], Neighbours], ties: bool
) -> None:
    """With ties the gradient is shared, as amax shares it."""
    messages = seeded(graph.nodes, width, integers=ties)
    twins = [slow_maximum, edges.maximum, edges.scattered_maximum]
    assert_same(twins, [messages], *rows_of(graph, arrange))
    assert_same(twins, [-messages.abs().float()], *rows_of(graph, arrange))


def test_gradients_are_those_of_small_steps(karate: Graph) -> None:
    rows = rows_of(karate, looped_neighbours)
    logits, messages = (seeded(karate.nodes, 4).requires_grad_() for _ in range(2))
    coefficients = seeded(len(rows[1]), 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: edges.softmax(x, *rows, 0.2), logits)
    assert torch.autograd.gradcheck(
        lambda *x: edges.weighted_sum(*x, *rows), (coefficients, messages)
    )
    assert torch.autograd.gradcheck(lambda x: edges.maximum(x, *rows), messages)


@pytest.mark.parametrize("at", [0, 1])
def test_what_is_no_number_stays_visible(at: int) -> None:
    rowptr, source = torch.tensor([0, 2]), torch.tensor([0, 1])
    messages = torch.ones(2, 1)
    messages[at] = torch.nan
    assert edges.maximum(messages, rowptr, source).isnan().all()
    assert edges.softmax(messages.repeat(1, 2), rowptr, source, 0.2).isnan().all()


def test_tensors_may_lie_across_memory(karate: Graph) -> None:
    rows = rows_of(karate, looped_neighbours)
    logits = seeded(4, karate.nodes).t()
    coefficients = seeded(2, len(rows[1])).t()
    assert_same([slow_softmax, edges.softmax], [logits], *rows, 0.2)
    assert_same([slow_sum, edges.weighted_sum], [coefficients, logits], *rows)
    assert_same([slow_maximum, edges.maximum], [logits], *rows)
