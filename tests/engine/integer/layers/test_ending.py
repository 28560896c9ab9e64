"""Every layer ends alike: gain, bias, activation, normalisation after it, residual."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.spec import LayerQuant, LayerSpec, QuantSpec


def stack(activation: str, norm: str, residual: bool) -> tuple[LayerSpec, LayerSpec]:
    first = LayerSpec(
        operator="linear",
        inputs=4,
        outputs=4,
        activation=activation,
        batch_norm=norm,
        residual=residual,
    )
    return first, LayerSpec(operator="linear", inputs=4, outputs=2)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("norm", ["none", "before", "after"])
@pytest.mark.parametrize("activation", ["none", "relu", "elu"])
def test_float_program_is_the_equation(
    case: Callable, activation: str, norm: str, residual: bool
) -> None:
    drawn = case(5, layers=stack(activation, norm, residual), features=4)
    trace = drawn.bind(drawn.reference).trace()
    held = {name: c for (layer, name), c in drawn.reference.constants.items() if layer == 0}
    output = held.get("gain", 1) * (trace.real(0, "feature") + held["bias"])
    np.testing.assert_allclose(trace.real(0, "output"), output, rtol=1e-5, atol=1e-6)
    x = trace.real(0, "output")
    after = {"none": x, "relu": np.maximum(x, 0), "elu": np.where(x > 0, x, np.exp(x) - 1)}
    wanted = held.get("after_gain", 1) * after[activation] + held.get("after_bias", 0)
    before = trace.real(0, "input")
    if residual:
        wanted = wanted + (before if isinstance(before, np.ndarray) else before.toarray())
    np.testing.assert_allclose(trace.real(1, "input"), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), residual=st.booleans(), after=st.booleans())
def test_an_elu_of_codes_is_an_integer(
    case: Callable, bits: int, seed: int, residual: bool, after: bool
) -> None:
    """No code differs from that of the real ELU unless a tie is nearer than the table resolves."""
    drawn = case(seed, layers=stack("elu", "after" if after else "none", residual), features=4)
    quant = LayerQuant().map(lambda *_: QuantSpec(bits=bits))
    program = drawn.quantized([quant, quant])
    plan = drawn.bind(program)
    assert program.float_stages == []
    trace = plan.trace()
    params = program.params[1, "input"]
    code = trace.codes(0, "output").astype(np.float64)
    step = np.float64(program.params[0, "output"].scale)
    x = (code - program.params[0, "output"].zero) * step
    held = program.constants
    wanted = held.get((0, "after_gain"), np.float32(1)).astype(np.float64) * np.where(
        x > 0, x, np.expm1(np.minimum(x, 0))
    )
    wanted = wanted + held.get((0, "after_bias"), np.float32(0)).astype(np.float64)
    if residual:
        before = trace.value(0, "input")
        before = before.dense() if hasattr(before, "dense") else before
        scale = np.float64(before.params.scale)
        wanted = wanted + (before.codes() - before.params.zero) * scale
    exact = np.clip(wanted / np.float64(params.scale), -1e6, 1e6)
    exact = np.clip(exact + int(params.zero), params.spec.qmin, params.spec.qmax)
    fine = 2.0**-12 if after and bits == 16 else 2.0**-18  # gains of channels take bits too
    assert np.abs(trace.codes(1, "input") - exact).max() <= 0.5 + fine


@pytest.mark.parametrize("gain", [0.0, 1e-30, -2.0, 1e20])
def test_any_gain_works(case: Callable, gain: float) -> None:
    """A constant channel beside a plain one; rounding is as fine as if the other were not there."""
    layers = (
        LayerSpec(operator="gin", inputs=3, outputs=2, hidden=2, hidden_norm=True),
        LayerSpec(operator="linear", inputs=2, outputs=2),
    )
    drawn = case(6, layers=layers, features=3, nodes=30, edges=60)
    drawn.reference.constants[0, "hidden_gain"][:] = [gain, 1]
    quant = LayerQuant().map(lambda *_: QuantSpec(bits=8))
    program = drawn.quantized([quant, quant])
    trace = drawn.bind(program).trace()
    feature = trace.real(0, "feature").astype(np.float64)
    held = program.constants
    wanted = held[0, "hidden_gain"] * (feature + held[0, "hidden_bias"].astype(np.float64))
    params = program.params[0, "hidden"]
    exact = np.clip(np.maximum(wanted, 0) / np.float64(params.scale), 0, 255)
    assert np.abs(trace.codes(0, "hidden") - params.zero - exact).max() <= 0.5 + 2.0**-16
