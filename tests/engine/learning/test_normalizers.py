"""Normalisations over the nodes equal PyTorch Geometric's: results, statistics, gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch_geometric import nn as pyg

from engine.graphs import Graph, Neighbourhoods
from engine.learning.adjacency import Adjacencies
from engine.learning.normalizers import GroupNormalizer, PairNormalizer
from engine.spec import DiffGroupNorm, PairNorm

PAIR = [PairNorm(), PairNorm(scale=3.0), PairNorm(scale=0.5, by_node=True)]


def exactly(_slot: str, x: Tensor) -> Tensor:
    return x


def same(found: Tensor, expected: Tensor, one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    upstream = torch.linspace(-1, 2, found.numel()).view_as(found)
    found.backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("how", PAIR)
@given(graph=..., features=st.integers(1, 6), seed=st.integers(0, 2**16))
def test_pair_norm_equals_pygs(how: PairNorm, graph: Graph, features: int, seed: int) -> None:
    one = torch.randn(graph.nodes, features, generator=torch.Generator().manual_seed(seed))
    other = one.clone().requires_grad_()
    one.requires_grad_()
    normalizer = PairNormalizer(how)
    found = normalizer(one, Adjacencies(Neighbourhoods(graph)), exactly)
    same(found, pyg.PairNorm(how.scale, how.by_node)(other), one, other)
    assert not normalizer.folded()


@pytest.mark.parametrize("how", PAIR)
def test_each_graph_of_a_set_is_pair_normalised_by_itself(rings: Graph, how: PairNorm) -> None:
    one = torch.randn(rings.nodes, 4, generator=torch.Generator().manual_seed(0))
    other = one.clone().requires_grad_()
    one.requires_grad_()
    found = PairNormalizer(how)(one, Adjacencies(Neighbourhoods(rings)), exactly)
    of_graph = torch.from_numpy(np.repeat(np.arange(60), np.diff(rings.starts)))
    expected = pyg.PairNorm(how.scale, how.by_node)(other, of_graph, 60)
    same(found, expected, one, other)


def test_pair_norm_of_equal_rows_is_0_and_has_a_gradient(karate: Graph) -> None:
    for how in PAIR:
        x = torch.full((karate.nodes, 3), 2.0, requires_grad=True)
        found = PairNormalizer(how)(x, Adjacencies(Neighbourhoods(karate)), exactly)
        assert not found.any()
        found.sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


@given(graph=..., groups=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_group_norm_equals_pygs(graph: Graph, groups: int, seed: int) -> None:
    """In training and evaluation: results, running statistics, all gradients."""
    generator = torch.Generator().manual_seed(seed)
    ours = GroupNormalizer(3, DiffGroupNorm(groups=groups, weight=0.7))
    ours.initialize(generator)
    with torch.no_grad():
        ours.gain.normal_(generator=generator)
        ours.shift.normal_(generator=generator)
    twin = pyg.DiffGroupNorm(3, groups, 0.7)
    with torch.no_grad():
        twin.lin.weight.copy_(ours.group_weight.t())
        twin.norm.weight.copy_(ours.gain.view(-1))
        twin.norm.bias.copy_(ours.shift.view(-1))
    adjacencies = Adjacencies(Neighbourhoods(graph))
    for training in (True, True, False):
        one = torch.randn(graph.nodes, 3, generator=generator)
        other = one.clone().requires_grad_()
        one.requires_grad_()
        ours.zero_grad()
        twin.zero_grad()
        found = ours.train(training)(one, adjacencies, exactly)
        same(found, twin.train(training)(other), one, other)
        pairs = [
            (ours.running_mean.view(-1), twin.norm.running_mean),
            (ours.running_var.view(-1), twin.norm.running_var),
            (ours.group_weight.grad, twin.lin.weight.grad.t()),
            (ours.gain.grad.view(-1), twin.norm.weight.grad),
            (ours.shift.grad.view(-1), twin.norm.bias.grad),
        ]
        for mine, its in pairs:
            torch.testing.assert_close(mine, its, rtol=1e-3, atol=1e-4)


def test_one_row_is_normalised_by_running_statistics(karate: Graph) -> None:
    normalizer = GroupNormalizer(3, DiffGroupNorm(groups=2))
    normalizer.initialize(None)
    adjacencies = Adjacencies(Neighbourhoods(karate))
    x = torch.ones(1, 3)
    trained = normalizer.train()(x, adjacencies, exactly)
    assert torch.equal(trained, normalizer.eval()(x, adjacencies, exactly))
