"""Learned steps: the paper's gradients entry by entry, and a step that finds its size."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.affine import QParams
from engine.learning.learned_step import learned_step_quantize
from engine.learning.protection import ProtectedRows
from engine.spec import WIDTHS, LearnedStep, QuantSpec

REALS = st.floats(-20, 20, width=32)
ROWS = arrays(np.float32, (5, 3), elements=REALS)


def spec_of(bits: int, signed: bool = True, granularity: str = "tensor") -> QuantSpec:
    return QuantSpec(bits=bits, signed=signed, range=LearnedStep(), granularity=granularity)


@given(
    x=ROWS,
    bits=st.sampled_from(WIDTHS[1:-1]),
    signed=st.booleans(),
    step=st.floats(0.0625, 4, width=32),
    by_channel=st.booleans(),
)
def test_forward_equals_the_affine_map(
    on_grid: Callable[[torch.Tensor, QParams], torch.Tensor],
    x: np.ndarray,
    bits: int,
    signed: bool,
    step: float,
    by_channel: bool,
) -> None:
    """Bit for bit, so that a program made of it computes the same codes."""
    spec = spec_of(bits, signed, "channel" if by_channel else "tensor")
    scale = np.full((3,) if by_channel else (), step, np.float32)
    params = QParams(spec, scale, np.zeros(scale.shape, np.int32))
    leaf = torch.from_numpy(scale).requires_grad_()
    x_hat = learned_step_quantize(torch.from_numpy(x), leaf, spec)
    assert torch.equal(x_hat, on_grid(torch.from_numpy(x), params))


@given(x=ROWS, bits=st.sampled_from([2, 3, 4, 8]), signed=st.booleans(), data=st.data())
def test_gradients_of_the_paper(
    x: np.ndarray, bits: int, signed: bool, data: st.DataObject
) -> None:
    spec, step = spec_of(bits, signed), np.float32(0.37)
    mask = data.draw(arrays(np.bool_, 5))
    leaf = torch.from_numpy(x).requires_grad_()
    scale = torch.tensor(float(step), requires_grad=True)
    upstream = np.linspace(-1, 2, x.size, dtype=np.float32).reshape(x.shape)
    x_hat = learned_step_quantize(leaf, scale, spec, ProtectedRows(torch.from_numpy(mask)))
    x_hat.backward(torch.from_numpy(upstream))
    of_step, of_x = 0.0, np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        ratio = x[place] / step
        below, above = ratio < spec.qmin, ratio > spec.qmax
        if mask[place[0]]:
            of_x[place] = upstream[place]
            continue
        of_x[place] = 0 if below or above else upstream[place]
        inside = round(float(ratio)) - float(ratio)
        slope = spec.qmin if below else spec.qmax if above else inside
        of_step += upstream[place] * slope / math.sqrt(x.size * spec.qmax)
    np.testing.assert_array_equal(leaf.grad.numpy(), of_x)
    assert scale.grad.item() == pytest.approx(of_step, rel=1e-4, abs=1e-5)
    np.testing.assert_array_equal(x_hat.detach().numpy()[mask], x[mask])


@pytest.mark.parametrize("x", [-30.0, 30.0])
def test_beyond_the_range_the_gradient_is_the_slope(x: float) -> None:
    """There ``x_hat = q s`` is differentiable, so finite differences can tell."""
    spec, value = spec_of(4), torch.tensor([x])
    step = torch.tensor(1.0, requires_grad=True)
    learned_step_quantize(value, step, spec).sum().backward()
    with torch.no_grad():
        rise = learned_step_quantize(value, step + 0.125, spec)
        fall = learned_step_quantize(value, step - 0.125, spec)
    slope = ((rise - fall) / 0.25).item()
    assert step.grad.item() == pytest.approx(slope / math.sqrt(spec.qmax))


def test_the_sign_of_a_step_does_not_count() -> None:
    x, spec = torch.linspace(-3, 3, 13), spec_of(4)
    one = learned_step_quantize(x, torch.tensor(0.25), spec)
    assert torch.equal(learned_step_quantize(x, torch.tensor(-0.25), spec), one)
    assert learned_step_quantize(x, torch.tensor(0.0), spec).abs().max() < 1e-15


@pytest.mark.parametrize("start", [0.02, 3.0])
def test_a_step_trains_towards_the_least_error(start: float) -> None:
    x = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    spec = spec_of(3)

    def error(step: torch.Tensor) -> torch.Tensor:
        return (learned_step_quantize(x, step, spec) - x).square().mean()

    least = min(error(torch.tensor(step)).item() for step in np.linspace(0.05, 2, 200))
    step = torch.tensor(start, requires_grad=True)
    optimizer = torch.optim.Adam([step], lr=0.02)
    first = error(step).item()
    for _ in range(300):
        optimizer.zero_grad()
        error(step).backward()
        optimizer.step()
    assert first > 3 * least
    assert error(step).item() < 1.1 * least
