"""Fake quantization: both paths against a slow twin, bit for bit, and gradients by definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.learning import fake_quantize as module
from engine.learning.fake_quantize import fake_quantize
from engine.learning.kernels.grid import WITHIN
from engine.learning.protection import ProtectedRows
from engine.spec import WIDTHS, QuantSpec

GRADIENTS = ("ste", "gc", "gc-ends")


def slow_fake_quantize(
    x: Tensor, scale: Tensor, zero: Tensor, spec: QuantSpec, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return ``x_hat`` and what share of the gradient passes, entry by entry."""
    x_hat, passes = torch.empty_like(x), torch.empty_like(x)
    for place in np.ndindex(*x.shape):
        s = np.float32(scale[place[-1]] if scale.dim() else scale)
        z = np.float32(zero[place[-1]] if zero.dim() else zero)
        real = np.float32(x[place])
        rounded = np.rint(real / s) + z
        code = min(max(rounded, np.float32(spec.qmin)), np.float32(spec.qmax))
        x_hat[place] = float((code - z) * s)
        passes[place] = float(
            spec.gradient == "ste"
            or (spec.gradient == "gc" and rounded == code)
            or (spec.gradient == "gc-ends" and spec.qmin < rounded < spec.qmax)
        )
        if mask is not None and mask[place[0]]:
            x_hat[place], passes[place] = x[place], 1.0
    return x_hat, passes


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor, QuantSpec, Tensor | None]:
    """Draw numbers on, between and beyond the steps of a grid."""
    flat = draw(st.booleans())
    by_channel = not flat and draw(st.booleans())
    shape = (draw(st.integers(1, 8)),) if flat else (draw(st.integers(1, 6)), 3)
    bits = draw(st.sampled_from(WIDTHS[1:-1]))
    spec = QuantSpec(
        bits=bits, signed=draw(st.booleans()), gradient=draw(st.sampled_from(GRADIENTS))
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    of_scale = (3,) if by_channel else ()
    scale = rng.choice([0.25, 0.1, 1 / 3, 7.0], of_scale).astype(np.float32)
    zero = np.zeros(of_scale) if by_channel else rng.integers(spec.qmin, spec.qmax + 1)
    halves = rng.integers(2 * spec.qmin - 6, 2 * spec.qmax + 7, shape) / 2
    noise = rng.choice([0, 0, 0.3, -0.01], shape)
    x = ((halves - zero + noise) * scale).astype(np.float32)
    mask = torch.from_numpy(rng.random(shape[0]) < 0.4) if draw(st.booleans()) else None
    zeros = torch.from_numpy(np.asarray(zero, np.float32))
    return torch.from_numpy(x), torch.from_numpy(np.asarray(scale)), zeros, spec, mask


def bits_of(x: Tensor) -> list[int]:
    return x.detach().contiguous().view(-1).numpy().view(np.int32).tolist()


@settings(max_examples=300)
@given(case=cases())
def test_both_paths_equal_the_slow_twin(
    case: tuple[Tensor, Tensor, Tensor, QuantSpec, Tensor | None],
) -> None:
    x, scale, zero, spec, mask = case
    protected = None if mask is None else ProtectedRows(mask)
    x_hat, passes = slow_fake_quantize(x, scale, zero, spec, mask)
    for to_grid in (module._to_grid_fused, module._to_grid):
        found, passed = to_grid(x, scale, zero, spec, protected, module.RULES[spec.gradient])
        assert bits_of(found) == bits_of(x_hat)
        if spec.gradient != "ste":
            assert torch.equal(passed.float(), passes)
        assert x.data_ptr() != found.data_ptr()


@given(case=cases())
def test_gradient_by_its_definition(
    case: tuple[Tensor, Tensor, Tensor, QuantSpec, Tensor | None],
) -> None:
    x, scale, zero, spec, mask = case
    protected = None if mask is None else ProtectedRows(mask)
    upstream = torch.linspace(-2, 3, x.numel()).view_as(x)
    _, passes = slow_fake_quantize(x, scale, zero, spec, mask)
    leaf = x.clone().requires_grad_()
    fake_quantize(leaf, scale, zero, spec, protected).backward(upstream)
    torch.testing.assert_close(leaf.grad, upstream * passes, rtol=0, atol=0)


@given(case=cases())
def test_gradient_to_a_scale_by_its_definition(
    case: tuple[Tensor, Tensor, Tensor, QuantSpec, Tensor | None],
) -> None:
    x, scale, zero, spec, mask = case
    protected = None if mask is None else ProtectedRows(mask)
    upstream = torch.linspace(-2, 3, x.numel()).view_as(x)
    x_hat, _ = slow_fake_quantize(x, scale, zero, spec, mask)
    within = (x / scale >= spec.qmin - zero) & (x / scale <= spec.qmax - zero)
    slope = torch.where(within, x_hat - x, x_hat) / scale
    if mask is not None:
        slope[mask], within[mask] = 0, True
    expected = (upstream * slope).double()
    leaf, of_scale = x.clone().requires_grad_(), scale.clone().requires_grad_()
    fake_quantize(leaf, of_scale, zero, spec, protected).backward(upstream)
    torch.testing.assert_close(leaf.grad, upstream * within, rtol=0, atol=0)
    total = expected.sum(0) if scale.dim() else expected.sum()
    size = expected.abs().sum().item() + 1e-6
    torch.testing.assert_close(of_scale.grad.double(), total, rtol=1e-5, atol=1e-5 * size)
    for to_grid in (module._to_grid_fused, module._to_grid):
        _, passed = to_grid(x, scale, zero, spec, protected, WITHIN)
        assert torch.equal(passed, within)


@given(case=cases())
def test_double_precision_takes_the_torch_path(
    case: tuple[Tensor, Tensor, Tensor, QuantSpec, Tensor | None],
) -> None:
    x, _, zero, spec, mask = case
    protected = None if mask is None else ProtectedRows(mask)
    scale = torch.tensor(0.25)  # a power of two divides alike in both precisions
    zero = zero.new_zeros(())
    leaf = x.double().requires_grad_()
    fake = fake_quantize(leaf, scale, zero, spec, protected)
    fake.sum().backward()
    x_hat, passes = slow_fake_quantize(x, scale, zero, spec, mask)
    if mask is None or not mask.any():
        assert torch.equal(fake.float(), x_hat)
    assert torch.equal(leaf.grad.float(), passes)


def test_two_bits_under_the_three_rules() -> None:
    """Of the codes 0 to 3, clipping at the ends lets the gradient of only two of them pass."""
    x = torch.tensor([[-1.0, 0.0, 1.0, 2.0, 3.0, 4.0]])
    passed = {}
    for gradient in GRADIENTS:
        leaf = x.clone().requires_grad_()
        spec = QuantSpec(bits=2, signed=False, gradient=gradient)
        fake_quantize(leaf, torch.tensor(1.0), torch.tensor(0.0), spec).sum().backward()
        passed[gradient] = leaf.grad[0].tolist()
    assert passed["ste"] == [1, 1, 1, 1, 1, 1]
    assert passed["gc"] == [0, 1, 1, 1, 1, 0]
    assert passed["gc-ends"] == [0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (4, 1)])
def test_empty_and_narrow_tensors(shape: tuple[int, ...]) -> None:
    x = torch.ones(shape, requires_grad=True)
    spec = QuantSpec(bits=4, gradient="gc")
    x_hat = fake_quantize(x, torch.tensor(1.0), torch.tensor(0.0), spec)
    x_hat.sum().backward()
    assert torch.equal(x_hat, x)
    assert torch.equal(x.grad, torch.ones(shape))


def test_a_view_that_is_not_contiguous() -> None:
    x = torch.arange(12.0).view(3, 4).t()
    spec = QuantSpec(bits=3, signed=False, gradient="gc")
    protected = ProtectedRows(torch.tensor([True, False, False, False]))
    expected, _ = slow_fake_quantize(x, torch.tensor(2.0), torch.tensor(0.0), spec, protected.mask)
    x_hat = fake_quantize(x, torch.tensor(2.0), torch.tensor(0.0), spec, protected)
    assert torch.equal(x_hat, expected)


@given(
    seed=st.integers(0, 2**32 - 1),
    signed=st.booleans(),
    gradient=st.sampled_from(["ste", "gc"]),
    by_channel=st.booleans(),
    protects=st.booleans(),
)
def test_signs(seed: int, signed: bool, gradient: str, by_channel: bool, protects: bool) -> None:
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.choice([-5, -1.5, -1, -0.1, 0, 0.2, 1, 1.4, 1.6, 5], (6, 3)))
    scale = torch.tensor([0.25, 1.0, 3.0]) if by_channel else torch.tensor(0.5)
    mask = torch.from_numpy(rng.random(6) < 0.4) if protects else None
    spec = QuantSpec(bits=1, signed=signed, gradient=gradient)
    asked = x.float().requires_grad_()
    protected = None if mask is None else ProtectedRows(mask)
    x_hat = fake_quantize(asked, scale, torch.zeros_like(scale), spec, protected)
    x_hat.sum().backward()
    for i, j in np.ndindex(6, 3):
        s, value = float(scale[j] if by_channel else scale), float(x[i, j])
        low, high = (-2 * s, 2 * s) if signed else (-0.5 * s, 1.5 * s)
        kept = mask is not None and bool(mask[i])
        wanted = value if kept else s if value > 0 else (-s if signed else 0)
        assert x_hat[i, j] == np.float32(wanted)
        passes = kept or gradient == "ste" or low <= np.float32(value) <= high
        assert asked.grad[i, j] == float(passes)
