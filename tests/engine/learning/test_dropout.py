"""Dropout by generator: share, scaling, repetition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.learning import dropout as module
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


@given(
    share=st.floats(0, 1, exclude_max=True, exclude_min=True),
    sizes=st.lists(st.sampled_from([0, 1, 7, 623, 624, 625, 2000]), min_size=1, max_size=4),
    seed=st.integers(0, 2**64 - 1),
    between=st.integers(0, 3),
)
def test_noise_is_torchs_own(share: float, sizes: list[int], seed: int, between: int) -> None:
    """Word for word, and the generator is left as torch leaves it, whoever draws in between."""
    ours, theirs = (torch.Generator().manual_seed(seed % 2**63) for _ in range(2))
    for size in sizes:
        x = torch.linspace(-2, 3, size)
        leaf = x.clone().requires_grad_()
        dropped = dropout(leaf, share, ours)
        factors = (torch.rand(size, generator=theirs) >= share).float().div_(1 - share)
        assert torch.equal(dropped, x * factors)
        dropped.backward(x)
        assert torch.equal(leaf.grad, x * factors)
        torch.rand(between, generator=ours)
        torch.rand(between, generator=theirs)
        assert torch.equal(ours.get_state(), theirs.get_state())


def test_another_layout_of_the_generators_state_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert module._state_is_known.__wrapped__()
    monkeypatch.setattr(module.noise, "drop", lambda *_: 5)
    assert not module._state_is_known.__wrapped__()


def test_double_precision_drops_alike() -> None:
    x = torch.randn(30, 4, generator=seeded(5)).double()
    dropped = dropout(x, 0.5, seeded())
    assert dropped.dtype == torch.float64
    drawn = torch.rand(x.shape, generator=seeded())
    assert torch.equal(dropped, x * (drawn >= 0.5) * 2)


def test_without_a_generator_torchs_own_draws() -> None:
    x = torch.ones(1000)
    torch.manual_seed(3)
    one = dropout(x, 0.5, None)
    torch.manual_seed(3)
    assert torch.equal(one, dropout(x, 0.5, None))
    assert not torch.equal(one, dropout(x, 0.5, None))


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
