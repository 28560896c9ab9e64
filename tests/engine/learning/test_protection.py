"""Degree protection: probabilities by their definition, masks that follow them, rows that pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given

from engine.graphs import Graph
from engine.learning.protection import NO_ROWS, DegreeProtection, ProtectedRows, row_mask
from engine.spec import Protection


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(graph=..., protection=...)
def test_probabilities_are_those_of_the_paper(graph: Graph, protection: Protection) -> None:
    held = DegreeProtection(graph, protection)
    if protection.is_off:
        assert held.probability is None
        return
    degrees = [int((graph.edge_index[1] == node).sum()) for node in range(graph.nodes)]
    for degree, found in zip(degrees, held.probability.tolist(), strict=True):
        share = sum(other <= degree for other in degrees) / len(degrees)
        span = protection.p_max - protection.p_min
        assert found == pytest.approx(protection.p_min + span * share, abs=1e-6)


def test_masks_follow_the_probabilities(karate: Graph) -> None:
    held = DegreeProtection(karate, Protection(p_min=0.1, p_max=0.8))
    generator = seeded()
    drawn = torch.stack([held.draw(1, generator)[0].mask for _ in range(3000)])
    assert drawn.dtype == torch.bool
    np.testing.assert_allclose(drawn.float().mean(0), held.probability, atol=5 * 0.5 / 3000**0.5)


def test_layers_share_a_mask_or_do_not(karate: Graph) -> None:
    bounds = {"p_min": 0.4, "p_max": 0.6}
    shared = DegreeProtection(karate, Protection(**bounds, shared=True)).draw(3, seeded())
    assert len(shared) == 3
    assert shared[0] is shared[1] is shared[2]
    own = DegreeProtection(karate, Protection(**bounds, shared=False)).draw(3, seeded())
    assert len(own) == 3
    assert not torch.equal(own[0].mask, own[1].mask)
    assert not torch.equal(own[1].mask, own[2].mask)


def test_masks_come_from_the_generator_alone(karate: Graph) -> None:
    held = DegreeProtection(karate, Protection(p_max=0.5, shared=False))
    one = held.draw(2, seeded(3))
    torch.rand(5)
    for first, again in zip(one, held.draw(2, seeded(3)), strict=True):
        assert torch.equal(first.mask, again.mask)


def test_off_draws_nothing(karate: Graph) -> None:
    generator = seeded()
    before = generator.get_state()
    assert DegreeProtection(karate, Protection()).draw(3, generator) == [None] * 3
    assert torch.equal(generator.get_state(), before)


def test_certain_protection(karate: Graph) -> None:
    (rows,) = DegreeProtection(karate, Protection(p_min=1, p_max=1)).draw(1, seeded())
    assert rows.mask.all()
    assert rows.are_all


def test_rows() -> None:
    rows = ProtectedRows(torch.tensor([True, False, True]))
    x, x_hat = torch.arange(6.0).view(3, 2), torch.zeros(3, 2)
    assert rows.restore(x_hat, x).tolist() == [[0, 1], [0, 0], [4, 5]]
    assert rows.restore(x_hat[:, 0], x[:, 1]).tolist() == [1, 0, 5]
    assert rows.others(x).tolist() == [[2, 3]]
    spread = rows.spread(torch.tensor([0, 0, 1, 2]))
    assert spread.mask.tolist() == [True, True, False, True]
    assert not rows.are_all
    assert row_mask(rows).tolist() == [True, False, True]
    assert row_mask(None) is NO_ROWS
