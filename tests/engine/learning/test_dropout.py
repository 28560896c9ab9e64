"""Dropout by generator: share, scaling, repetition."""

from __future__ import annotations

import pytest
import torch

from engine.learning.dropout import dropout


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_share_and_scaling(share: float) -> None:
    x = torch.full((400, 250), 3.0)
    dropped = dropout(x, share, seeded())
    kept = dropped != 0
    assert kept.float().mean().item() == pytest.approx(1 - share, abs=5 * 0.5 / 100_000**0.5)
    torch.testing.assert_close(dropped[kept], torch.full((int(kept.sum()),), 3 / (1 - share)))
    assert dropped.mean().item() == pytest.approx(3, rel=0.02)


def test_no_share_leaves_x_and_generator_alone() -> None:
    x, generator = torch.randn(5, 3), seeded(1)
    before = generator.get_state()
    assert dropout(x, 0.0, generator) is x
    assert torch.equal(generator.get_state(), before)


def test_noise_comes_from_the_generator_alone() -> None:
    x = torch.ones(50, 4)
    one = dropout(x, 0.5, seeded(2))
    torch.rand(7)
    assert torch.equal(dropout(x, 0.5, seeded(2)), one)
    assert not torch.equal(dropout(x, 0.5, seeded(3)), one)


def test_gradient_is_the_same_mask() -> None:
    x = torch.randn(20, 4, requires_grad=True)
    dropped = dropout(x, 0.5, seeded())
    dropped.sum().backward()
    assert torch.equal(x.grad, (dropped != 0) * 2.0)
