"""QuantSpec and LayerQuant: what follows from a width, and what each field refuses."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest
from hypothesis import given

from engine.spec import (
    BUCKETED,
    COMPONENTS,
    FP32,
    WIDTHS,
    Bucket,
    Current,
    Ema,
    LayerQuant,
    LearnedRange,
    LearnedStep,
    MinMax,
    ModelSpec,
    Percentile,
    QuantSpec,
    RunSpec,
    SpecError,
    accepted_widths,
    canonical,
    decode,
    encode,
)

GRID = [bits for bits in WIDTHS if 1 < bits < 32]


@pytest.mark.parametrize("bits", GRID)
def test_codes_of_a_width(bits: int) -> None:
    signed, unsigned = QuantSpec(bits=bits), QuantSpec(bits=bits, signed=False)
    assert (signed.qmin, signed.qmax) == (-(2**bits) // 2, 2**bits // 2 - 1)
    assert (unsigned.qmin, unsigned.qmax) == (0, 2**bits - 1)
    assert not signed.is_float


def test_storage_is_the_next_packed_width() -> None:
    stored = {bits: QuantSpec(bits=bits).storage_bits for bits in WIDTHS}
    assert stored == {1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 8: 8, 16: 16, 32: 32}


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


def test_codes_of_one_bit_are_signs() -> None:
    signs, flags = QuantSpec(bits=1), QuantSpec(bits=1, signed=False)
    assert (signs.qmin, signs.qmax, signs.stride, signs.last, signs.storage_bits) == (
        -1,
        1,
        2,
        1,
        1,
    )
    assert (flags.qmin, flags.qmax, flags.stride, flags.last, flags.storage_bits) == (0, 1, 1, 1, 1)
    assert signs.symmetric
    assert signs.by_magnitude


def test_ternary_codes() -> None:
    spec = QuantSpec(bits=2, ternary=True)
    assert (spec.qmin, spec.qmax, spec.stride, spec.last, spec.storage_bits) == (-1, 1, 1, 2, 2)
    assert spec.symmetric
    assert spec.by_magnitude
    assert canonical(QuantSpec(bits=2)) == '{"bits":2}'  # what is stored keeps its key


@pytest.mark.parametrize("component", COMPONENTS)
def test_signs_are_for_what_products_read(component: str) -> None:
    rule = Current() if component == "weight" else MinMax()
    held = {component: QuantSpec(bits=1, range=rule)}
    assert (1 in accepted_widths(component)) == (component in ("input", "weight"))
    if component in ("input", "weight"):
        assert LayerQuant(**held)[component].bits == 1
        return
    with pytest.raises(SpecError, match="1 bit is for input and weight") as caught:
        LayerQuant(**held)
    assert caught.value.field == f"{component}.bits"


def test_signs_are_not_pooled() -> None:
    spec = ModelSpec(operator="gin", pool="mean").layer_specs(1, 1)[2]
    with pytest.raises(SpecError, match="since the layer pools its input"):
        spec.check_quant(LayerQuant(input=QuantSpec(bits=1)))


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("range", {"bits": 1, "range": Percentile()}),
        ("range", {"bits": 1, "range": LearnedStep()}),
        ("range", {"bits": 1, "range": LearnedRange()}),
        ("gradient", {"bits": 1, "gradient": "gc-ends"}),
        ("truncation", {"bits": 1, "truncation": "plain"}),
        ("ternary", {"bits": 1, "ternary": True}),
        ("ternary", {"bits": 3, "ternary": True}),
        ("ternary", {"bits": 2, "ternary": True, "signed": False}),
        ("ternary", {"bits": 2, "ternary": 1}),
        ("truncation", {"bits": 2, "ternary": True, "truncation": "plain"}),
        ("range", {"bits": 2, "ternary": True, "range": Percentile()}),
        ("range", {"bits": 2, "ternary": True, "range": LearnedRange(base=Percentile())}),
    ],
)
def test_what_few_codes_cannot_have(field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        QuantSpec(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize("bits", [0, 9, 15, 31, 64, -8, 8.0, "8", None, True, False])
def test_other_widths_are_refused(bits: Any) -> None:
    with pytest.raises(SpecError, match=r"bits: got .*, accepts 1 to 8, 16 or 32$") as caught:
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


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"bits": 32}, "buckets"),
        ({"bits": 1}, "buckets"),
        ({"bits": 2, "ternary": True}, "buckets"),
        ({"bits": 2, "truncation": "plain"}, "buckets"),
        ({"bits": 4, "buckets": [Bucket(degree=1, bits=2)]}, "buckets"),
        ({"bits": 4, "buckets": ((1, 2),)}, "buckets[0]"),
        ({"bits": 2, "buckets": (Bucket(degree=1, bits=4),)}, "buckets[0].bits"),
        ({"buckets": (Bucket(degree=3, bits=4), Bucket(degree=3, bits=2))}, "buckets[1].degree"),
        ({"buckets": (Bucket(degree=3, bits=4), Bucket(degree=2, bits=2))}, "buckets[1].degree"),
        ({"buckets": tuple(Bucket(degree=d, bits=2) for d in range(17))}, "buckets"),
    ],
)
def test_buckets_that_do_not_nest_are_refused(fields: dict[str, Any], field: str) -> None:
    given = {"bits": 8, "buckets": (Bucket(degree=1, bits=2),), **fields}
    with pytest.raises(SpecError) as error:
        QuantSpec(**given)
    assert error.value.field == field


@pytest.mark.parametrize("bits", [1, 9, 32, True, "4"])
def test_buckets_have_widths_that_rows_add_up_in(bits: object) -> None:
    with pytest.raises(SpecError, match="bits"):
        Bucket(degree=1, bits=bits)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="degree"):
        Bucket(degree=-1, bits=4)


@pytest.mark.parametrize("component", COMPONENTS)
def test_buckets_are_of_rows_of_nodes(component: str) -> None:
    spec = QuantSpec(bits=8, buckets=(Bucket(degree=4, bits=4),))
    if component in BUCKETED:
        assert LayerQuant(**{component: spec})[component] == spec
        return
    with pytest.raises(SpecError) as error:
        LayerQuant(**{component: spec})
    assert error.value.field == f"{component}.buckets"


def test_no_buckets_leave_no_trace() -> None:
    assert "buckets" not in canonical(QuantSpec(bits=8))
    spec = QuantSpec(bits=8, buckets=(Bucket(degree=4, bits=4), Bucket(degree=9, bits=2)))
    assert decode(QuantSpec, encode(spec)) == spec
    assert encode(spec)["buckets"] == [{"degree": 4, "bits": 4}, {"degree": 9, "bits": 2}]
