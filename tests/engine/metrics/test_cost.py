"""Cost: counted product by product in plain loops over nodes, edges and features."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.cost import bit_operations, float_model_bytes, stage_costs
from engine.spec import ModelSpec, scheme


def counted(spec, nodes, edges, features, classes, weighted) -> int:
    total = 0
    widths = [features, *[spec.model.hidden] * (spec.model.layers - 1), classes]
    for layer, quant in enumerate(spec.quant):
        for _ in range(widths[layer + 1]):
            for _ in range(nodes):
                total += widths[layer] * quant.input.bits * quant.weight.bits
                total += quant.norm.bits * quant.feature.bits
                total += quant.norm.bits * quant.message.bits
            for _ in range(edges):
                total += quant.message.bits * (quant.edge_weight.bits if weighted else 1)
    return total


@given(
    name=st.sampled_from(["float", "qat", "degree-quant"]),
    widths=st.dictionaries(
        st.sampled_from(["input", "weight", "feature", "norm", "message"]),
        st.sampled_from([2, 4, 8, 16, 32]),
    ),
    layers=st.integers(2, 5),
    hidden=st.integers(1, 5),
    nodes=st.integers(0, 4),
    edges=st.integers(0, 6),
    features=st.integers(1, 5),
    classes=st.integers(1, 4),
    weighted=st.booleans(),
)
def test_bit_operations_equal_loops(
    name, widths, layers, hidden, nodes, edges, features, classes, weighted
) -> None:
    model = ModelSpec(layers=layers, hidden=hidden)
    spec = scheme(name, bits=4, component_bits=widths, model=model)
    found = bit_operations(spec, nodes, edges, nodes * features, classes, weighted=weighted)
    assert found == counted(spec, nodes, edges, features, classes, weighted)


def test_cora_by_hand() -> None:
    # 2,708 nodes, 10,556 edges and a loop each, 49,216 words, 7 classes
    macs = {
        stage: sum(
            s.macs
            for s in stage_costs(scheme("float"), 2708, 13264, 49216, 7)
            if s.component == stage
        )
        for stage in ("feature", "message", "aggregate")
    }
    assert macs == {
        "feature": 49216 * 16 + 2708 * 16 * 7,
        "message": 2708 * (16 + 7),
        "aggregate": (13264 + 2708) * (16 + 7),
    }


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_products_of_two_codes_fall_with_the_square_of_the_width(bits) -> None:
    def products(spec):
        return [s for s in stage_costs(spec, 50, 200, 500, 3) if s.component == "feature"]

    for quantized, full in zip(
        products(scheme("qat", bits=bits)), products(scheme("float")), strict=True
    ):
        assert full.bit_operations == quantized.bit_operations * (32 // bits) ** 2


def test_only_zero_entries_cost_nothing() -> None:
    spec = scheme("qat", bits=8)
    dense, half = (bit_operations(spec, 10, 30, entries, 3) for entries in (200, 100))
    assert dense - half == 100 * 16 * 8 * 8


def test_float_model_bytes() -> None:
    assert float_model_bytes(ModelSpec(), 1433, 7) == 4 * (1433 * 16 + 16 + 16 * 7 + 7)
    deep = ModelSpec(layers=4, hidden=8)
    assert float_model_bytes(deep, 5, 3) == 4 * ((5 + 1) * 8 + 2 * (8 + 1) * 8 + (8 + 1) * 3)
