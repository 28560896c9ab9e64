"""Batch normalisation: torch's own, its folded constants, and odd rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.learning.batch_norm import BatchNorm


def seeded(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def twins(width: int = 4) -> tuple[BatchNorm, nn.BatchNorm1d]:
    norm, twin = BatchNorm(width), nn.BatchNorm1d(width)
    with torch.no_grad():
        norm.weight.copy_(seeded(width, seed=1))
        norm.bias.copy_(seeded(width, seed=2))
    twin.load_state_dict(norm.state_dict())
    return norm, twin


@given(rows=st.integers(2, 300), width=st.integers(1, 5), mean=st.sampled_from([0, 1, -40]))
def test_equals_torchs_in_training_and_then_in_evaluation(
    rows: int, width: int, mean: float
) -> None:
    """With its gradients; sums are added up in another order, so the last bits may differ."""
    norm, twin = twins(width)
    bias = seeded(width, seed=3)
    for seed in range(3):
        x = 3 * seeded(rows, width, seed=seed) + mean
        upstream = seeded(rows, width, seed=seed + 9)
        for found, expected in (
            (lambda leaf: norm.before(leaf, bias), lambda leaf: twin(leaf + bias)),
            (norm.after, twin),
        ):
            leaves = [x.clone().requires_grad_() for _ in range(2)]
            one, other = found(leaves[0]), expected(leaves[1])
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
            for held in (norm, twin):
                held.zero_grad()
            one.backward(upstream)
            other.backward(upstream)
            torch.testing.assert_close(leaves[0].grad, leaves[1].grad, rtol=1e-3, atol=1e-3)
            for mine, theirs in zip(norm.parameters(), twin.parameters(), strict=True):
                torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-3)
    for mine, theirs in zip(norm.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)
    norm.eval()
    twin.eval()
    x = seeded(7, width)
    torch.testing.assert_close(norm.before(x, bias), twin(x + bias), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(norm.after(x), twin(x), rtol=1e-4, atol=1e-4)


def test_a_bias_before_it_learns_nothing() -> None:
    """The mean takes it away again; what torch's own sums leave of its gradient is rounding."""
    norm, twin = twins()
    ours, theirs = (seeded(4, seed=3).requires_grad_() for _ in range(2))
    x, upstream = seeded(50, 4), seeded(50, 4, seed=9)
    norm.before(x, ours).backward(upstream)
    twin(x + theirs).backward(upstream)
    assert ours.grad.tolist() == [0] * 4
    assert theirs.grad.abs().max() < 1e-4


def test_double_precision_and_a_column_of_one_value() -> None:
    norm, twin = twins()
    x = seeded(20, 4)
    x[:, 1] = 1e6
    torch.testing.assert_close(norm.after(x)[:, 1], twin.bias[1].expand(20))
    norm.double()
    twin.double()
    assert torch.equal(norm.after(x.double()), twin(x.double()))


def test_folded_constants_are_what_evaluation_computes_in_any_precision() -> None:
    norm, _ = twins()
    norm.before(5 * seeded(30, 4), torch.zeros(4))
    norm.eval()
    bias, x = seeded(4, seed=3), seeded(7, 4)
    gain, folded = norm.folded_before(bias)
    assert gain.dtype == folded.dtype == torch.float32
    assert torch.equal(norm.before(x, bias), gain * (x + folded))
    after_gain, after_bias = norm.folded_after()
    assert torch.equal(norm.after(x), after_gain * x + after_bias)
    norm.double()
    for found, held in zip(norm.folded_before(bias.double()), (gain, folded), strict=True):
        assert torch.equal(found, held)
    expected = gain.double() * (x.double() + folded.double())
    assert torch.equal(norm.before(x.double(), bias.double()), expected)


@pytest.mark.parametrize("scale", [0.0, 1e-30, -1e-9])
def test_a_column_scaled_to_nothing_keeps_its_shift(scale: float) -> None:
    norm, twin = twins()
    with torch.no_grad():
        for held in (norm, twin):
            held.weight[1] = scale
    norm.eval()
    twin.eval()
    x, bias = seeded(7, 4), seeded(4, seed=3)
    gain, folded = norm.folded_before(bias)
    assert folded.isfinite().all()
    assert (gain != 0).all()
    torch.testing.assert_close(norm.before(x, bias), twin(x + bias), rtol=1e-4, atol=1e-5)


def test_one_row_is_normalised_by_the_running_statistics() -> None:
    norm, _ = twins()
    x, bias = seeded(1, 4), torch.zeros(4)
    before = norm.running_mean.clone()
    trained = norm.before(x, bias), norm.after(x)
    assert torch.equal(norm.running_mean, before)
    norm.eval()
    assert torch.equal(trained[0], norm.before(x, bias))
    assert torch.equal(trained[1], norm.after(x))
    assert norm.train().before(x[:0], bias).shape == (0, 4)
