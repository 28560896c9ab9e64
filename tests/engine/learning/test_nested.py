"""Widths by in-degree while training: each bucket's own codes, ranges and gradients."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine import affine
from engine.learning.nested import NestedQuantizer, quantizer_of
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import quantizer
from engine.nesting import nest
from engine.spec import (
    FP32,
    Bucket,
    Ema,
    LearnedRange,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
)

RULES = [
    MinMax(),
    Ema(momentum=0.3),
    Percentile(tail=0.05, momentum=0.3),
    LearnedStep(),
    LearnedRange(base=Ema(momentum=0.3)),
]
BUCKETS = (Bucket(degree=2, bits=4), Bucket(degree=5, bits=2), Bucket(degree=100, bits=3))
SPEC = QuantSpec(bits=8, buckets=BUCKETS)


def batch(seed: int, rows: int = 40) -> tuple[Tensor, ProtectedRows]:
    """Return rows whose size grows with their degree, some of them protected."""
    rng = np.random.default_rng(seed)
    degree = rng.integers(0, 9, rows)
    x = rng.normal(size=(rows, 3)) * (1 + degree[:, None])
    mask = torch.from_numpy(rng.random(rows) < 0.3)
    return torch.from_numpy(x.astype(np.float32)), ProtectedRows(mask, torch.from_numpy(degree))


def trained(spec: QuantSpec) -> NestedQuantizer:
    held = quantizer_of(spec)
    assert isinstance(held, NestedQuantizer)
    for seed in range(3):
        held(*batch(seed))
    return held.eval()


@settings(max_examples=40, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    bits=st.sampled_from([2, 4, 5, 8, 16]),
    signed=st.booleans(),
    widths=st.lists(st.sampled_from([2, 3, 4, 8, 16]), max_size=4),
    gradient=st.sampled_from(["ste", "gc", "gc-ends"]),
    seed=st.integers(0, 1000),
)
def test_evaluation_is_each_row_on_its_own_codes(
    rule: MinMax, bits: int, signed: bool, widths: list[int], gradient: str, seed: int
) -> None:
    buckets = tuple(Bucket(degree=2 * k, bits=min(w, bits)) for k, w in enumerate(widths))
    buckets = (*buckets, Bucket(degree=100, bits=2))
    spec = QuantSpec(bits=bits, signed=signed, range=rule, gradient=gradient, buckets=buckets)
    held = trained(spec)
    params = held.qparams()
    x, rows = batch(seed)
    x_hat = held(x, rows).detach().numpy()
    codes = affine.quantize(x.numpy(), params) - params.zero
    degree = rows.degree.numpy()  # type: ignore[union-attr]
    for row, of_row in enumerate(codes):
        bucket = sum(degree[row] >= b.degree for b in spec.buckets)
        wanted = of_row
        if bucket:
            nested = params.nested[bucket - 1]
            wanted = nested.places(of_row) * nested.multiple
        np.testing.assert_allclose(x_hat[row], wanted * params.scale, rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_the_grid_is_what_it_is_without_buckets(rule: MinMax) -> None:
    plain, held = quantizer(QuantSpec(range=rule, bits=8)), trained(replace(SPEC, range=rule))
    for seed in range(3):
        plain(*batch(seed))
    one, other = plain.qparams(), held.qparams()
    assert one is not None
    assert (one.scale, one.zero) == (other.scale, other.zero)


@pytest.mark.parametrize("rule", RULES)
def test_a_bucket_as_wide_as_the_grid_is_the_grid(rule: MinMax) -> None:
    spec = QuantSpec(bits=5, range=rule)
    plain = quantizer(spec)
    held = quantizer_of(replace(spec, buckets=(Bucket(degree=0, bits=5),)))
    for seed in range(3):
        x, rows = batch(seed)
        torch.testing.assert_close(held(x, rows), plain(x, rows), rtol=0, atol=0)
    held.eval(), plain.eval()
    torch.testing.assert_close(held(x, rows), plain(x, rows), rtol=0, atol=0)


def test_each_bucket_has_the_range_of_its_unprotected_rows() -> None:
    held = trained(replace(SPEC, range=MinMax()))
    params = held.qparams()
    seen = [batch(seed) for seed in range(3)]
    for bucket, following, nested in zip(
        BUCKETS, [*BUCKETS[1:], Bucket(degree=10**6, bits=2)], params.nested, strict=True
    ):
        own = [
            x[~rows.mask & (rows.degree >= bucket.degree) & (rows.degree < following.degree)]
            for x, rows in seen
        ]
        ends = torch.cat(own)
        reach = (-float(ends.min()), float(ends.max())) if len(ends) else None
        assert nested == nest(bucket.bits, reach, float(params.scale), params.room)


def test_protected_rows_stay_and_move_no_bucket() -> None:
    held, (x, rows) = quantizer_of(SPEC), batch(0)
    torch.testing.assert_close(held(x, rows)[rows.mask], x[rows.mask], rtol=0, atol=0)
    other, wild = quantizer_of(SPEC), x.clone()
    wild[rows.mask] *= 1000
    other(wild, rows)
    assert held.qparams().nested == other.qparams().nested  # type: ignore[union-attr]
    nobody = quantizer_of(SPEC)
    everybody = ProtectedRows(torch.ones_like(rows.mask), rows.degree)
    torch.testing.assert_close(nobody(x, everybody), x, rtol=0, atol=0)
    with pytest.raises(ValueError, match="saw no unprotected row"):
        nobody.qparams()


@pytest.mark.parametrize("gradient", ["ste", "gc", "gc-ends"])
def test_gradients_pass_where_the_rule_says(gradient: str) -> None:
    held = trained(replace(SPEC, range=MinMax(), gradient=gradient))
    x, rows = batch(9)
    x = (3 * x).requires_grad_()
    held(x, rows).sum().backward()
    params = held.qparams()
    steps = affine.quantize(x.detach().numpy(), params) - params.zero
    places = np.rint(x.detach().numpy() / params.scale)
    passes = np.ones(steps.shape, np.bool_)
    under, over = params.room
    inset = int(gradient == "gc-ends")
    degree = rows.degree.numpy()  # type: ignore[union-attr]
    for row in range(len(steps)):
        bucket = sum(degree[row] >= b.degree for b in BUCKETS)
        passes[row] = (places[row] >= inset - under) & (places[row] <= over - inset)
        if bucket:
            nested = params.nested[bucket - 1]
            nearest = np.rint(steps[row] / nested.multiple)
            passes[row] &= nearest >= inset - nested.below
            passes[row] &= nearest <= nested.above - inset
    if gradient == "ste":
        passes[:] = True
    np.testing.assert_array_equal(x.grad.numpy(), passes)  # type: ignore[union-attr]
    assert gradient == "ste" or not passes.all()


def test_a_learned_step_learns_from_the_codes_that_rows_end_up_with() -> None:
    spec = replace(SPEC, range=LearnedStep())
    held, (x, rows) = trained(spec).train(), batch(4)
    nobody = ProtectedRows(torch.zeros_like(rows.mask), rows.degree)
    x_hat = held(x, nobody)
    x_hat.square().sum().backward()
    step, params = held.grid.scale, held.qparams()
    places = (x / step).detach().numpy().astype(np.float64)
    degree, wanted = rows.degree.numpy(), 0.0  # type: ignore[union-attr]
    for row, of_row in enumerate(places):
        bucket = sum(degree[row] >= b.degree for b in BUCKETS)
        for column, place in enumerate(of_row):
            low, high = -params.room[0], params.room[1]
            code = min(max(round(place), low), high)
            clamped = not low <= place <= high
            if bucket:
                nested = params.nested[bucket - 1]
                nearest = round(code / nested.multiple)
                own = min(max(nearest, -nested.below), nested.above)
                code, clamped = own * nested.multiple, clamped or own != nearest
            slope = code if clamped else code - place
            wanted += 2 * x_hat[row, column].item() * slope
    share = 1 / (x.numel() * spec.qmax) ** 0.5
    assert step.grad.item() == pytest.approx(wanted * share, rel=1e-3)  # type: ignore[union-attr]


@pytest.mark.parametrize("rule", RULES)
def test_round_trips(rule: MinMax) -> None:
    held = trained(replace(SPEC, range=rule))
    x, rows = batch(8)
    wanted, params = held(x, rows), held.qparams()
    fresh = quantizer_of(held.spec).eval()
    fresh.load_state_dict(held.state_dict())
    loaded = quantizer_of(held.spec).eval()
    loaded.load(params)
    assert loaded.qparams().nested == params.nested  # type: ignore[union-attr]
    for other in (fresh, loaded, copy.deepcopy(held), pickle.loads(pickle.dumps(held))):
        torch.testing.assert_close(other(x, rows), wanted)
    with pytest.raises(ValueError, match="wanted the parameters"):
        loaded.load(replace(params, spec=QuantSpec(bits=8)))
    with pytest.raises(ValueError, match="got none"):
        loaded.load(None)


def test_rows_without_a_degree_are_refused() -> None:
    x, rows = batch(0)
    for unknown in (None, ProtectedRows(rows.mask)):
        with pytest.raises(ValueError, match="rows without one"):
            quantizer_of(SPEC)(x, unknown)
    assert isinstance(quantizer_of(FP32), type(quantizer(FP32)))
