"""QuantSpec and LayerQuant: what follows from a width, and what each field refuses."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given

from engine.spec import (
    COMPONENTS,
    FP32,
    WIDTHS,
    Current,
    Ema,
    LayerQuant,
    LearnedRange,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    RunSpec,
    SpecError,
)

GRID = [bits for bits in WIDTHS if bits != 32]


@pytest.mark.parametrize("bits", GRID)
def test_codes_of_a_width(bits: int) -> None:
    signed, unsigned = QuantSpec(bits=bits), QuantSpec(bits=bits, signed=False)
    assert (signed.qmin, signed.qmax) == (-(2**bits) // 2, 2**bits // 2 - 1)
    assert (unsigned.qmin, unsigned.qmax) == (0, 2**bits - 1)
    assert not signed.is_float


def test_storage_is_the_next_packed_width() -> None:
    stored = {bits: QuantSpec(bits=bits).storage_bits for bits in WIDTHS}
    assert stored == {2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 8: 8, 16: 16, 32: 32}


def test_float32_is_an_ordinary_member() -> None:
    assert QuantSpec() == FP32 == QuantSpec(bits=32)
    assert FP32.is_float


def test_symmetric_where_the_zero_point_is_fixed() -> None:
    assert not QuantSpec(bits=8).symmetric
    assert QuantSpec(bits=8, granularity="channel").symmetric
    assert QuantSpec(bits=8, range=LearnedStep()).symmetric


def test_only_two_bits_are_truncated() -> None:
    assert QuantSpec(bits=2, truncation="plain").truncation == "plain"
    for bits in (3, 8, 32):
        with pytest.raises(SpecError, match="truncation: got 'skewed', accepts none, since only 2"):
            QuantSpec(bits=bits, truncation="skewed")
    with pytest.raises(SpecError, match="truncation: got 'floor', accepts one of none, plain"):
        QuantSpec(bits=2, truncation="floor")


def test_what_observes_a_tensor() -> None:
    assert QuantSpec(bits=8).observes == MinMax()
    assert QuantSpec(bits=8, range=LearnedRange(base=Percentile())).observes == Percentile()
    assert QuantSpec(bits=8, range=LearnedStep()).observes is None
    with pytest.raises(SpecError, match=r"message.range: got LearnedRange\(base=Current"):
        LayerQuant(message=QuantSpec(bits=8, range=LearnedRange(base=Current())))


@pytest.mark.parametrize("rule", [LearnedStep, LearnedRange])
def test_a_rate_is_positive(rule: Any) -> None:
    for lr in (0, -1, 11, "fast"):
        with pytest.raises(SpecError, match="lr: got "):
            rule(lr=lr)


def test_a_learned_range_multiplies_one_that_is_observed() -> None:
    with pytest.raises(SpecError, match="base: got LearnedStep"):
        LearnedRange(base=LearnedStep())


def test_one_bit_has_its_own_sentence() -> None:
    with pytest.raises(SpecError, match=r"bits: got 1, .*1 bit waits for binarized networks"):
        QuantSpec(bits=1)


@pytest.mark.parametrize("bits", [0, 9, 15, 31, 64, -8, 8.0, "8", None, True, False])
def test_other_widths_are_refused(bits: Any) -> None:
    with pytest.raises(SpecError, match=r"bits: got .*, accepts 2 to 8, 16 or 32$") as caught:
        QuantSpec(bits=bits)
    assert caught.value.field == "bits"


@pytest.mark.parametrize(
    ("field", "got"),
    [
        ("signed", 1),
        ("signed", None),
        ("granularity", "column"),
        ("granularity", None),
        ("range", "MinMax"),
        ("range", MinMax),
        ("range", None),
        ("gradient", "STE"),
        ("gradient", 0),
    ],
)
def test_each_field_is_named(field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        QuantSpec(bits=8, **{field: got})
    assert (caught.value.field, caught.value.got) == (field, got)


@pytest.mark.parametrize(
    ("make", "field", "got"),
    [
        (Ema, "momentum", 0),
        (Ema, "momentum", 1.1),
        (Ema, "momentum", float("nan")),
        (Percentile, "tail", 0.5),
        (Percentile, "tail", -0.1),
        (Percentile, "running", "mean"),
        (Percentile, "momentum", 0.0),
        (Percentile, "momentum", "0.1"),
    ],
)
def test_each_field_of_a_range_rule_is_named(make: type, field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        make(**{field: got})
    assert caught.value.field == field


def test_components_are_the_fields_in_order() -> None:
    assert tuple(field.name for field in fields(LayerQuant)) == COMPONENTS
    assert tuple(component for component, _ in LayerQuant().items()) == COMPONENTS


def test_a_misspelt_component_fails_at_construction() -> None:
    with pytest.raises(TypeError, match="agregate"):
        LayerQuant(agregate=QuantSpec(bits=8))
    with pytest.raises(SpecError, match="component: got 'agregate', accepts one of input, weight"):
        LayerQuant()["agregate"]


def test_each_component_wants_a_spec() -> None:
    for component in COMPONENTS:
        with pytest.raises(SpecError, match="accepts a value of QuantSpec") as caught:
            LayerQuant(**{component: 8})
        assert caught.value.field == component


@pytest.mark.parametrize("component", COMPONENTS)
def test_channels_are_for_weights(component: str) -> None:
    held = QuantSpec(bits=8, granularity="channel")
    if component == "weight":
        assert LayerQuant(weight=held)["weight"] == held
        return
    with pytest.raises(SpecError, match="channel is for weights") as caught:
        LayerQuant(**{component: held})
    assert caught.value.field == f"{component}.granularity"


@pytest.mark.parametrize("component", COMPONENTS)
def test_the_range_at_hand_is_for_learned_tensors(component: str) -> None:
    held = QuantSpec(bits=8, range=Current())
    if component in ("weight", "attention"):
        assert LayerQuant(**{component: held})[component] == held
        return
    with pytest.raises(SpecError, match="Current is for weights") as caught:
        LayerQuant(**{component: held})
    assert caught.value.field == f"{component}.range"


def test_map_changes_each_place() -> None:
    layer = LayerQuant(weight=QuantSpec(bits=4))
    halved = layer.map(lambda component, spec: QuantSpec(bits=8) if component == "input" else spec)
    assert halved == replace(layer, input=QuantSpec(bits=8))


def test_edge_weights_have_the_norms_width() -> None:
    assert LayerQuant().edge_weight == FP32
    spec = LayerQuant(norm=QuantSpec(bits=4, range=Percentile(tail=0.1))).edge_weight
    assert (spec.bits, spec.signed, spec.range) == (4, False, Current())


@given(spec=..., other=...)
def test_values_are_frozen_hashable_and_picklable(spec: LayerQuant, other: RunSpec) -> None:
    for value in (spec, other, spec.weight):
        assert pickle.loads(pickle.dumps(value)) == value
        assert hash(pickle.loads(pickle.dumps(value))) == hash(value)
    with pytest.raises(FrozenInstanceError):
        spec.weight = FP32
