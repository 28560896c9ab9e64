"""Widths by in-degree: where they apply, what the usual ones are, and as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    BUCKETED,
    Bucket,
    LayerQuant,
    ModelSpec,
    QuantSpec,
    RunSpec,
    SpecError,
    by_degree,
    format_buckets,
    parse_buckets,
    scheme,
    usual_buckets,
    vary,
    with_buckets,
)
from engine.spec.layer import of_nodes

HALVING = (Bucket(degree=4, bits=4), Bucket(degree=16, bits=2))


@pytest.mark.parametrize(
    ("bits", "text"),
    [(16, "4:8, 16:4, 64:2"), (8, "4:4, 16:2"), (5, "4:3, 16:2"), (4, "4:2"), (3, "4:2"), (2, "")],
)
def test_usual_widths_halve_with_each_fourfold_degree(bits: int, text: str) -> None:
    assert format_buckets(usual_buckets(bits)) == text
    assert parse_buckets(text) == usual_buckets(bits)


@given(
    bits=st.sampled_from([2, 3, 4, 8, 16]),
    widths=st.dictionaries(st.integers(0, 20), st.sampled_from([2, 3, 4, 8, 16]), max_size=4),
)
def test_any_widths_are_those_that_nodes_have(bits: int, widths: dict[int, int]) -> None:
    buckets = [Bucket(degree=degree, bits=widths[degree]) for degree in sorted(widths)]
    spec = by_degree(lambda width: QuantSpec(bits=width), bits, buckets)
    for degree in range(22):
        reached = [bucket.bits for bucket in buckets if bucket.degree <= degree]
        assert spec.bits_at(degree) == (reached[-1] if reached else bits)
    assert spec.widths == {spec.bits_at(degree) for degree in range(22)}
    assert parse_buckets(format_buckets(spec.buckets)) == spec.buckets


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "appnp"])
def test_buckets_are_of_everything_that_nodes_hold(operator: str) -> None:
    base = scheme("degree-quant", bits=8, model=ModelSpec(operator=operator))  # type: ignore[arg-type]
    spec = vary(base, buckets=HALVING)
    for plain, held in zip(base.quant, spec.quant, strict=True):
        for component, one in held.items():
            nests = component in BUCKETED and plain[component].nests
            assert one.buckets == (HALVING if nests else ())
    assert vary(spec, buckets=()) == base
    assert vary(spec) == spec


def test_narrower_components_have_no_wider_bucket() -> None:
    base = scheme("qat", bits=8, component_bits={"message": 3, "feature": 2, "input": 1})
    first = with_buckets(base, HALVING).quant[0]
    assert first.message.buckets == (Bucket(degree=16, bits=2),)
    assert first.feature.buckets == first.input.buckets == ()
    assert first.aggregate.buckets == HALVING


def test_graphs_and_edges_have_no_in_degree() -> None:
    pooled = ModelSpec(operator="gin", pool="sum")
    held = of_nodes(pooled.layer_specs(1, 1))
    assert held[-2:] == (("input",), ())
    assert "message" in held[0]
    steps = of_nodes(ModelSpec(operator="elastic", steps=2).layer_specs(1, 1))
    assert steps[-1] == ("aggregate", "output")
    assert of_nodes(ModelSpec(operator="smp", steps=2).layer_specs(1, 1))[2][0] == "message"
    for model in (pooled, ModelSpec(operator="elastic", steps=2)):
        assert isinstance(scheme("sgquant", model=model), RunSpec)


def test_the_scheme_is_qat_with_the_usual_buckets() -> None:
    assert scheme("sgquant", bits=8) == vary(scheme("qat", bits=8), buckets=HALVING)
    assert scheme("sgquant", bits=2) == scheme("qat", bits=2)


@pytest.mark.parametrize("text", ["4", "4:", ":4", "4:x", "4:4:4", "-4:4", "²:4"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="DEGREE:BITS"):
        parse_buckets(text)


def test_text_is_checked_like_any_buckets() -> None:
    with pytest.raises(SpecError, match="2 to 8 or 16"):
        parse_buckets("4:9")
    falling = parse_buckets("16:2, 4:4")
    with pytest.raises(SpecError, match="more than 16"):
        LayerQuant(input=QuantSpec(bits=8, buckets=falling))
