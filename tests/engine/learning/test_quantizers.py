"""Quantizers: ranges against slow twins over batches, protected rows, evaluation, round trips."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.affine import (
    SMALLEST_SCALE,
    QParams,
    dequantize,
    percentiles,
    qparams,
    quantize,
)
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import (
    Exact,
    LearnedRangeQuantizer,
    LearnedStepQuantizer,
    Observed,
    Quantizer,
    quantizer,
)
from engine.spec import (
    FP32,
    WIDTHS,
    Current,
    Ema,
    LearnedRange,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RangeRule,
)

OnGrid = Callable[[Tensor, QParams], Tensor]
RUNNING = [
    MinMax(),
    Ema(momentum=0.25),
    Percentile(tail=0.05, momentum=0.25),
    Percentile(tail=0.05, running="extremum"),
    Percentile(tail=0.0, momentum=1),
]
RANGES = [LearnedRange(), LearnedRange(base=Current()), LearnedRange(base=RUNNING[2], lr=0.1)]
RULES = [*RUNNING, Current(), LearnedStep(), *RANGES]
GRANULARITIES = ["tensor", "channel"]


def batches(seed: int, count: int = 4) -> list[tuple[Tensor, Tensor]]:
    """Return batches of rows, each wider than the last or not, and whom they protect."""
    rng = np.random.default_rng(seed)
    return [
        (
            torch.from_numpy((rng.normal(size=(30, 3)) * rng.uniform(0.1, 4)).astype(np.float32)),
            torch.from_numpy(rng.random(30) < 0.4),
        )
        for _ in range(count)
    ]


def states(module: Quantizer) -> dict[str, bytes]:
    return {name: held.numpy().tobytes() for name, held in module.state_dict().items()}


def trained(spec: QuantSpec, seed: int = 0) -> Quantizer:
    held = quantizer(spec, 3)
    for x, mask in batches(seed):
        held(x, ProtectedRows(mask))
    return held


def slow_range(rule: RangeRule, columns: list[list[np.ndarray]]) -> list[tuple[float, float]]:
    """Return each column's low and high end after all batches; inner lists run over batches."""
    ends = []
    for of_column in columns:
        low = high = None
        for x in of_column:
            if isinstance(rule, Percentile):
                below, above = percentiles(x, rule.tail)
            else:
                below, above = x.min(), x.max()
            below, above = min(float(below), 0.0), max(float(above), 0.0)
            averaged = isinstance(rule, Ema) or getattr(rule, "running", "") == "ema"
            if low is None or isinstance(rule, Current):
                low, high = below, above
            elif averaged:
                low += rule.momentum * (below - low)
                high += rule.momentum * (above - high)
            else:
                low, high = min(low, below), max(high, above)
        ends.append((low, high))
    return ends


@pytest.mark.parametrize("rule", [*RUNNING, Current()], ids=str)
@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_ranges_equal_a_slow_twin_over_batches(
    on_grid: OnGrid, rule: RangeRule, granularity: Any, bits: int
) -> None:
    spec = QuantSpec(bits=bits, range=rule, granularity=granularity)
    held = quantizer(spec, 3)
    assert isinstance(held, Observed)
    seen: list[np.ndarray] = []
    for x, mask in batches(bits):
        x_hat = held(x, ProtectedRows(mask))
        seen.append(x[~mask].numpy())
        columns = [list(part) for part in zip(*(rows.T for rows in seen), strict=True)]
        ends = slow_range(rule, columns if granularity == "channel" else [seen])
        low, high = np.array(ends if granularity == "channel" else ends[0]).T
        expected, found = qparams(low, high, spec), held.qparams()
        np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-5)
        np.testing.assert_array_equal(found.zero, expected.zero)
        assert torch.equal(x_hat[~mask], on_grid(x, found)[~mask])
        assert torch.equal(x_hat[mask], x[mask])


@pytest.mark.parametrize("rule", RULES, ids=str)
@given(seed=st.integers(0, 1000), factor=st.sampled_from([0.0, 1e3, -1e6]))
def test_protected_rows_never_move_a_range(rule: RangeRule, seed: int, factor: float) -> None:
    spec = QuantSpec(bits=4, range=rule)
    one, other = quantizer(spec), quantizer(spec)
    for x, mask in batches(seed):
        wild = torch.where(mask[:, None], factor * x, x)
        x_hat = one(x, ProtectedRows(mask))
        wild_hat = other(wild, ProtectedRows(mask))
        assert states(one) == states(other)
        assert torch.equal(wild_hat[mask], wild[mask])
        assert torch.equal(wild_hat[~mask], x_hat[~mask])


def test_statistics_over_all_rows_would_undo_the_method() -> None:
    """The trap: one protected hub of a hundredfold size and 4 bits for the ordinary rows."""
    x = torch.randn(200, 4, generator=torch.Generator().manual_seed(0))
    x[0] *= 100
    hub = ProtectedRows(torch.arange(200) == 0)
    held = quantizer(QuantSpec(bits=4))
    ordinary = (held(x, hub)[1:] - x[1:]).norm() / x[1:].norm()
    undone = quantizer(QuantSpec(bits=4))
    everything = (undone(x)[1:] - x[1:]).norm() / x[1:].norm()
    assert ordinary < 0.15
    assert everything > 0.8


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_batch_without_unprotected_rows_moves_nothing(rule: RangeRule) -> None:
    everyone = ProtectedRows(torch.ones(30, dtype=torch.bool))
    x = batches(9)[0][0]
    fresh = quantizer(QuantSpec(bits=4, range=rule))
    assert torch.equal(fresh(x, everyone), x)
    with pytest.raises(ValueError, match="saw no unprotected row has no range"):
        fresh.qparams()
    held = trained(QuantSpec(bits=4, range=rule))
    before = states(held)
    assert torch.equal(held(100 * x, everyone), 100 * x)
    assert states(held) == before


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_evaluation_moves_nothing_and_protects_nobody(
    on_grid: OnGrid, rule: RangeRule, granularity: Any
) -> None:
    held = trained(QuantSpec(bits=4, range=rule, granularity=granularity)).eval()
    before = states(held)
    x, mask = batches(7)[0]
    free = held(x)
    assert torch.equal(held(x, ProtectedRows(mask)), free)
    params = held.qparams()
    assert params is not None
    assert torch.equal(free, on_grid(x, params))
    if not isinstance(held.spec.observes, Current):
        assert states(held) == before


def test_current_is_the_range_at_hand_in_evaluation_too() -> None:
    held = quantizer(QuantSpec(bits=8, range=Current())).eval()
    held(torch.tensor([[-1.0, 3.0]]))
    held(torch.tensor([[-0.5, 0.5]]))
    assert held.qparams().scale == np.float32(1) / np.float32(255)


def test_sparse_features_keep_a_range_under_a_tail() -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random((300, 100)) < 0.0085, rng.random((300, 100)) + 1, 0)
    held = quantizer(QuantSpec(bits=4, range=Percentile(tail=0.01)))
    x_hat = held(torch.from_numpy(x.astype(np.float32)))
    assert x_hat.max() > 1.9
    assert (x_hat > 0).sum() == (x > 0).sum()


def test_an_empty_batch_and_one_of_zeros_have_the_empty_range() -> None:
    for rule in RUNNING:
        for x in (torch.zeros(0), torch.zeros(4, 3)):
            held = quantizer(QuantSpec(bits=4, range=rule))
            assert torch.equal(held(x), x)
            assert held.qparams().scale == SMALLEST_SCALE


def test_nan_reaches_the_loss() -> None:
    """A diverged tensor must not look like a fine one after quantization."""
    x = torch.tensor([[1.0, float("nan")], [2.0, 3.0]])
    for rule in RULES:
        held = trained(QuantSpec(bits=4, range=rule)).eval()
        assert held(x).isnan().any()


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("signed", [True, False])
def test_a_learned_step_starts_as_in_the_paper(granularity: Any, signed: bool) -> None:
    spec = QuantSpec(bits=4, signed=signed, range=LearnedStep(), granularity=granularity)
    held = quantizer(spec, 3)
    assert isinstance(held, LearnedStepQuantizer)
    x, mask = batches(1)[0]
    held(x, ProtectedRows(mask))
    axis = 0 if granularity == "channel" else None
    mean = np.abs(x[~mask].numpy()).mean(axis=axis)
    np.testing.assert_allclose(held.qparams().scale, 2 * mean / spec.qmax**0.5, rtol=1e-5)
    start = states(held)
    held(10 * x)
    assert states(held) == start, "only the first batch sets it"
    assert held.qparams().zero.tolist() == np.zeros_like(mean).tolist()


def test_a_learned_step_of_zeros_or_of_sparse_features_is_usable() -> None:
    spec = QuantSpec(bits=4, range=LearnedStep())
    for zeros in (torch.zeros(4, 3), torch.zeros(0)):
        held = quantizer(spec)
        assert torch.equal(held(zeros), zeros)
        assert held.qparams().scale == 1
        held(torch.full((2, 3), 0.5))
        assert held.qparams().scale == pytest.approx(1 / 7**0.5), "zeros say nothing of a step"
    sparse = quantizer(spec)
    x = torch.zeros(1000, 10)
    x[::100] = 2.0
    sparse(x)
    assert sparse.qparams().scale == pytest.approx(4 / 7**0.5)


def test_a_learned_step_has_a_gradient_only_from_unprotected_rows() -> None:
    held = quantizer(QuantSpec(bits=4, range=LearnedStep()))
    x, mask = batches(2)[0]
    held(x, ProtectedRows(mask)).sum().backward()
    among_all = held.scale.grad.clone()
    held.scale.grad = None
    held(torch.where(mask[:, None], 50 * x, x), ProtectedRows(mask)).sum().backward()
    assert torch.equal(held.scale.grad, among_all)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_a_learned_range_starts_at_the_least_error(on_grid: OnGrid, granularity: Any) -> None:
    spec = QuantSpec(bits=2, range=LearnedRange(), granularity=granularity)
    held = quantizer(spec, 3)
    assert isinstance(held, LearnedRangeQuantizer)
    x, mask = batches(4)[0]
    x[0, 0] = 40.0  # an outlier, best left out of the range
    mask[0] = False
    held(x, ProtectedRows(mask))
    rows = x[~mask]
    base = replace(spec, range=Ema(momentum=0.1))
    low, high = rows.numpy().min(0), rows.numpy().max(0)
    if granularity == "tensor":
        low, high = low.min(), high.max()
    whole = qparams(low, high, base)
    found = held.qparams()

    def error(params: QParams) -> Tensor:
        return (on_grid(rows, params) - rows).abs().mean(0)

    least = error(replace(found, spec=base))
    for share in np.linspace(0.05, 1, 20, dtype=np.float32):
        tried = error(replace(whole, scale=whole.scale * share))
        if granularity == "channel":
            assert (tried >= least - 1e-6).all()
        assert tried.mean() >= least.mean() - 1e-6
    assert (held.alpha < 1).any()


def test_a_learned_range_follows_its_gradient() -> None:
    """Inside, ``(x_hat - x) / alpha``; beyond, the end of the range that alpha multiplies."""
    held = quantizer(QuantSpec(bits=2, range=LearnedRange(base=MinMax())))
    x = torch.tensor([[-2.0], [-0.3], [0.6], [4.0]])
    held(x)
    with torch.no_grad():
        held.alpha.fill_(0.5)
    held.alpha.grad = None
    x_hat = held(x)
    x_hat.backward(torch.tensor([[1.0], [10.0], [100.0], [1000.0]]))
    params = qparams(-2.0, 4.0, QuantSpec(bits=2))
    low, high = (held.spec.qmin - params.zero) * 2.0, (held.spec.qmax - params.zero) * 2.0
    inside = ((x_hat - x) / 0.5)[1:3, 0]
    expected = low + 10 * inside[0] + 100 * inside[1] + 1000 * high
    assert held.alpha.grad.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_learned_range_is_frozen_for_evaluation() -> None:
    held = trained(QuantSpec(bits=4, range=LearnedRange()))
    x, _ = batches(7)[0]
    before = held.qparams()
    with torch.no_grad():
        held.alpha.mul_(3)
    held.eval()
    held(50 * x)
    assert held.qparams().scale.tobytes() == before.scale.tobytes()


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_a_learned_range_of_the_tensor_at_hand_keeps_alpha_in_evaluation(
    on_grid: OnGrid, granularity: Any
) -> None:
    spec = QuantSpec(bits=2, range=LearnedRange(base=Current()), granularity=granularity)
    held = trained(spec)
    assert isinstance(held, LearnedRangeQuantizer)
    alpha = held.alpha.detach().numpy()
    assert (alpha < 1).any()
    x, _ = batches(8)[0]
    trained_on = held(x)
    evaluated = held.eval()(x)
    assert torch.equal(evaluated, trained_on)
    low, high = x.numpy().min(0), x.numpy().max(0)
    if granularity == "tensor":
        low, high = low.min(), high.max()
    whole = qparams(low, high, replace(spec, range=Current()))
    np.testing.assert_allclose(held.qparams().scale, alpha * whole.scale, rtol=1e-6)
    assert torch.equal(evaluated, on_grid(x, held.qparams()))


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("rule", [Ema(momentum=0.5), Current(), LearnedRange(), LearnedStep()])
@pytest.mark.parametrize("truncation", ["plain", "skewed"])
def test_truncated_codes_are_those_of_the_affine_map(
    rule: RangeRule, granularity: Any, truncation: Any
) -> None:
    """In float64, as a simulation computes them, of tensors with a tail on either side."""
    for sign in (1, -1):
        spec = QuantSpec(bits=2, range=rule, granularity=granularity, truncation=truncation)
        held = quantizer(spec, 3)
        for x, mask in batches(5):
            x_hat = held(sign * x.exp(), ProtectedRows(mask))
            assert torch.equal(x_hat[mask], (sign * x.exp())[mask])
        wide = (sign * batches(6)[0][0].exp()).double()
        x_hat = held.double().eval()(wide).detach().numpy()
        params = held.qparams()
        assert (params.shift * sign > 10) == (truncation == "skewed")
        expected = dequantize(quantize(wide.numpy(), params), params)
        np.testing.assert_allclose(x_hat, expected, rtol=1e-6)


def test_exact_is_the_identity() -> None:
    held = quantizer(FP32)
    assert isinstance(held, Exact)
    x = torch.randn(3, 2)
    assert held(x, ProtectedRows(torch.tensor([True, False, True]))) is x
    assert held.qparams() is None
    held.load(None)
    with pytest.raises(ValueError, match="accepts no parameters, got 8 bits"):
        held.load(qparams(0, 1, QuantSpec(bits=8)))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("bits", WIDTHS[1:-1])
def test_state_and_pickle_make_the_same_quantizer(
    rule: RangeRule, granularity: Any, bits: int
) -> None:
    spec = QuantSpec(bits=bits, range=rule, granularity=granularity)
    held = trained(spec)
    fresh = quantizer(spec, 3)
    fresh.load_state_dict(held.state_dict())
    pickled = pickle.loads(pickle.dumps(held))
    x, mask = batches(3)[0]
    expected = copy.deepcopy(held)(x, ProtectedRows(mask))
    for twin in (fresh, pickled):
        assert twin.spec == spec
        assert states(twin) == states(held)
        assert torch.equal(twin(x, ProtectedRows(mask)), expected)


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_parameters_from_outside(rule: RangeRule, granularity: Any) -> None:
    spec = QuantSpec(bits=4, range=rule, granularity=granularity)
    params = trained(spec).qparams()
    held = quantizer(spec, 3).eval()
    held.load(params)
    assert held.qparams().scale.tobytes() == params.scale.tobytes()
    assert held.qparams().zero.tobytes() == params.zero.tobytes()
    for wrong in (None, qparams(0, 1, QuantSpec(bits=5))):
        with pytest.raises(ValueError, match="wanted the parameters of QuantSpec"):
            held.load(wrong)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_training_goes_on_from_parameters_from_outside(granularity: Any) -> None:
    spec = QuantSpec(bits=4, range=Ema(momentum=0.1), granularity=granularity)
    held = quantizer(spec, 3)
    held.load(trained(spec).qparams())
    before = held.qparams().scale
    held(batches(0)[0][0] * 1e-6)
    np.testing.assert_allclose(held.qparams().scale, 0.9 * before, rtol=1e-4)


@pytest.mark.parametrize("signed", [True, False])
def test_the_scale_of_signs_follows_the_mean_magnitude(signed: bool) -> None:
    held = quantizer(QuantSpec(bits=1, signed=signed, range=Ema(momentum=0.25)))
    first, second = torch.tensor([[2.0], [-4.0], [100.0]]), torch.tensor([[-6.0], [8.0], [0.0]])
    low = -1.0 if signed else 0.0
    x_hat = held(first, ProtectedRows(torch.tensor([False, False, True])))
    scale = 3.0 if signed else 2.0
    assert x_hat.flatten().tolist() == [scale, low * scale, 100.0]
    held(second, ProtectedRows(torch.tensor([False, False, True])))
    scale = 0.75 * scale + 0.25 * (7.0 if signed else 8.0)
    assert held.eval()(second).flatten().tolist() == [low * scale, scale, low * scale]
    assert held.qparams().scale == scale
    assert held.qparams().zero == 0


def test_weights_of_one_bit_and_ternary_ones_have_the_scale_at_hand() -> None:
    weight = torch.tensor([[1.0, -6.0], [-3.0, 0.5], [2.0, 7.0]])
    held = quantizer(QuantSpec(bits=1, granularity="channel", range=Current()), 2).eval()
    assert held(weight).tolist() == [[2.0, -4.5], [-2.0, 4.5], [2.0, 4.5]]
    spec = QuantSpec(bits=2, ternary=True, granularity="channel", range=Current())
    assert quantizer(spec, 2).eval()(weight).tolist() == [[0.0, -6.5], [-2.5, 0.0], [2.5, 6.5]]


def test_weights_of_one_bit_learn_their_scale_too() -> None:
    weight = torch.tensor([[1.0, -6.0], [-3.0, 0.5], [2.0, 7.0]], requires_grad=True)
    upstream = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    held = quantizer(QuantSpec(bits=1, granularity="channel", range=Current()), 2)
    held(weight).backward(upstream)
    signs, scale = weight.detach().sign(), torch.tensor([2.0, 4.5])
    wanted = scale * upstream + signs * (upstream * signs).sum(0) / 3
    torch.testing.assert_close(weight.grad, wanted)
