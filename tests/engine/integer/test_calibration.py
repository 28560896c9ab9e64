"""Post-training parameters are what the rules say of what the float slots held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import issparse

from engine import affine
from engine.integer import Calibrator, IntArray, mixed
from engine.spec import (
    Current,
    Ema,
    LayerQuant,
    LearnedRange,
    LearnedStep,
    MinMax,
    ModelSpec,
    Percentile,
    QuantSpec,
    scheme,
)

GCN = ("input", "weight", "feature", "norm", "message", "aggregate", "output")


def test_nothing_to_quantize_is_the_reference(case: Callable) -> None:
    drawn = case(0)
    quant = (LayerQuant(),) * len(drawn.reference.layers)
    assert drawn.quantized(quant) is drawn.reference
    with pytest.raises(ValueError, match="1 layers"):
        drawn.quantized((LayerQuant(),))


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("component", GCN)
def test_rules(case: Callable, component: str, sparse: bool) -> None:
    drawn = case(1, sparse=sparse, features=8, nodes=30)
    trace = drawn.bind(drawn.reference).trace()
    calibrator = Calibrator(drawn.reference, trace)
    held = trace.real(0, component)
    x = held.toarray() if issparse(held) else held
    for rule in (MinMax(), Ema(), Current(), Percentile(tail=0.1)):
        spec = QuantSpec(bits=4, range=rule)
        tail = rule.tail if isinstance(rule, Percentile) else 0.0
        low, high = affine.percentiles(x, tail)
        wanted = affine.qparams(low, high, spec)
        found = calibrator.params((0, component), spec)
        assert (found.spec, found.scale, found.zero) == (spec, wanted.scale, wanted.zero)
    for bits in (2, 8):
        spec = QuantSpec(bits=bits, range=LearnedStep())
        found = calibrator.params((0, component), spec)
        mean = np.abs(x[x != 0]).mean()
        assert found.scale == pytest.approx(2 * mean / np.sqrt(spec.qmax), rel=1e-5)
        assert (found.zero, found.scale.dtype) == (0, np.float32)


def test_a_learned_range_is_fitted_and_a_truncation_shifted(case: Callable) -> None:
    drawn = case(1, features=8, nodes=30)
    trace = drawn.bind(drawn.reference).trace()
    calibrator, x = Calibrator(drawn.reference, trace), trace.real(0, "output")
    for base in (MinMax(), Percentile(tail=0.1)):
        spec = QuantSpec(bits=2, range=LearnedRange(base=base), truncation="skewed")
        found = calibrator.params((0, "output"), spec)
        whole = calibrator.params((0, "output"), replace(spec, range=base))
        assert found.shift == whole.shift == round(affine.lean(x))
        assert found.scale == affine.fitted(x, whole).scale


@pytest.mark.parametrize("rule", [Current(), LearnedStep(), Percentile(tail=0.2)])
def test_channels_have_ranges_of_their_own(case: Callable, rule: object) -> None:
    drawn = case(2, features=12)
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace())
    weight = drawn.reference.constants[0, "weight"]
    found = calibrator.params((0, "weight"), QuantSpec(bits=5, granularity="channel", range=rule))
    assert found.scale.shape == found.zero.shape == weight.shape[1:]
    for column in range(weight.shape[1]):
        if isinstance(rule, LearnedStep):
            wanted = 2 * np.abs(weight[:, column]).mean() / np.sqrt(15)
        else:
            tail = rule.tail if isinstance(rule, Percentile) else 0.0
            wanted = np.abs(affine.percentiles(weight[:, column], tail)).max() / 15
        assert found.scale[column] == pytest.approx(wanted, rel=1e-5)


def test_an_empty_tensor_has_a_scale(case: Callable) -> None:
    drawn = case(3)
    trace = drawn.bind(drawn.reference).trace()
    silent = type(trace)({**trace.values, (0, "feature"): np.zeros((3, 2), np.float32)}, trace.last)
    for rule in (MinMax(), LearnedStep(), Percentile()):
        params = Calibrator(drawn.reference, silent).params(
            (0, "feature"), QuantSpec(bits=8, range=rule)
        )
        assert params.scale == affine.SMALLEST_SCALE


def test_statistics_are_taken_once(case: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = case(4, model=ModelSpec(layers=3))
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace())
    model = ModelSpec(layers=3)
    eight = scheme("degree-quant", bits=8, model=model).quant
    calibrator.program(eight)

    def forbidden(*_: object) -> None:
        raise AssertionError("taken again")

    monkeypatch.setattr("engine.integer.calibration._ends", forbidden)
    narrow = [layer.map(lambda _, s: s if s.is_float else replace(s, bits=5)) for layer in eight]
    program = calibrator.program(narrow)
    assert program.params_of((0, "feature")).spec.bits == 5
    with pytest.raises(AssertionError, match="taken again"):
        calibrator.program(scheme("ptq", bits=8, model=model).quant)


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_a_component_governs_its_slots(case: Callable, operator: str) -> None:
    model = ModelSpec(operator=operator, pool="max")
    drawn = case(7, model=model, features=4, pool=True)
    for component in drawn.reference.layers[0].components:
        quant = [
            LayerQuant(**{component: QuantSpec(bits=5)}) if component in layer.components
            else LayerQuant()
            for layer in drawn.reference.layers
        ]  # fmt: skip
        program = drawn.quantized(quant)
        for index, layer in enumerate(drawn.reference.layers):
            for name, of in layer.slots.items():
                held = program.params_of((index, name))
                assert (held is not None) == (of == component)
                if held is not None:
                    assert (held.spec.bits, held.spec.signed) == (5, name != "hidden")


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "linear"])
def test_mixed_keeps_what_it_is_told(case: Callable, operator: str) -> None:
    drawn = case(5, operators=(operator,), weighted=operator == "gcn")
    program = drawn.random_program((4,))
    for chosen in program.layers[0].components:
        only = mixed(drawn.reference, program, lambda layer, c, chosen=chosen: c == chosen)
        for layer, spec in enumerate(program.layers):
            for name, component in spec.slots.items():
                slot = (layer, name)
                kept = only.params_of(slot)
                assert kept is (program.params_of(slot) if component == chosen else None)
        weight = only.constants[0, "weight"]
        assert isinstance(weight, IntArray) == (chosen == "weight")
        drawn.bind(only).run()
    assert mixed(drawn.reference, program, lambda *_: True).model_bytes == program.model_bytes
    none = mixed(drawn.reference, program, lambda *_: False)
    np.testing.assert_array_equal(drawn.bind(none).run(), drawn.bind(drawn.reference).run())


def test_sixteen_bits_are_nearly_float(case: Callable) -> None:
    model = ModelSpec(layers=3)
    drawn = case(6, model=model, weighted=True, sparse=True)
    program = drawn.quantized(scheme("ptq", bits=16, model=model).quant)
    exact, close = drawn.bind(drawn.reference).run(), drawn.bind(program).run()
    assert np.abs(close - exact).max() < 1e-3 * np.abs(exact).max()


@pytest.mark.parametrize("sparse", [False, True])
def test_signs_and_ternary_codes(case: Callable, sparse: bool) -> None:
    drawn = case(4, sparse=sparse, features=8, nodes=30)
    trace = drawn.bind(drawn.reference).trace()
    calibrator = Calibrator(drawn.reference, trace)
    held = trace.real(0, "input")
    x = held.toarray() if issparse(held) else held
    stored = held.data if issparse(held) else held
    for spec, entries in (
        (QuantSpec(bits=1), x),
        (QuantSpec(bits=1, signed=False), stored),
        (QuantSpec(bits=2, ternary=True), stored),
    ):
        found = calibrator.params((0, "input"), spec)
        assert found.scale == pytest.approx(affine.magnitude(entries, spec), rel=1e-5)
        assert found.zero == 0
