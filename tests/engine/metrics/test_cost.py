"""Cost: counted product by product in plain loops over nodes, edges and features."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.metrics.cost import Extent, bit_operations, stage_costs
from engine.spec import DiffGroupNorm, ModelSpec, Normalization, PairNorm, scheme


def extent_of(nodes, edges, entries, weighted=False, graphs=1) -> Extent:
    summed = {"gcn": edges, "gat": edges, "gin": edges, "sage": edges}
    return Extent(nodes=nodes, edges=summed, entries=entries, weighted=weighted, graphs=graphs)


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
    extent = extent_of(nodes, edges, nodes * features, weighted)
    found = bit_operations(model.layer_specs(features, classes), spec.quant, extent)
    assert found == counted(spec, nodes, edges, features, classes, weighted)


def macs(model: ModelSpec, features: int, classes: int, extent: Extent) -> dict[str, int]:
    stages = stage_costs(
        model.layer_specs(features, classes), scheme("float", model=model).quant, extent
    )
    found: dict[str, int] = {}
    for stage in stages:
        found[stage.slot] = found.get(stage.slot, 0) + stage.macs
    return found


def test_cora_by_hand() -> None:
    # 2,708 nodes, 10,556 edges and a loop each, 49,216 words, 7 classes
    extent = extent_of(2708, 13264, 49216)
    assert macs(ModelSpec(), 1433, 7, extent) == {
        "feature": 49216 * 16 + 2708 * 16 * 7,
        "message": 2708 * (16 + 7),
        "aggregate": (13264 + 2708) * (16 + 7),
    }
    assert macs(ModelSpec(operator="gat", heads=4), 1433, 7, extent) == {
        "feature": 49216 * 16 + 2708 * 16 * 7,
        "logit": 2 * 2708 * (16 + 7),
        "aggregate": 13264 * (16 + 7),
    }
    assert macs(ModelSpec(operator="sage"), 1433, 7, extent) == {
        "aggregate": 13264 * (1433 + 16),
        "feature": 2708 * (1433 * 16 + 16 * 7),
        "own_feature": 49216 * 16 + 2708 * 16 * 7,
    }
    assert macs(ModelSpec(operator="gin"), 1433, 7, extent) == {
        "aggregate": (13264 + 2708) * (1433 + 16),
        "feature": 2708 * (1433 * 16 + 16 * 16),
        "hidden_feature": 2708 * (16 * 16 + 16 * 7),
    }


def test_what_normalisations_multiply() -> None:
    extent = extent_of(20, 90, 100)

    def added(how: Normalization) -> list[tuple[str, int, tuple[int, int]]]:
        model = ModelSpec(normalization=how)
        spec = scheme("qat", bits=4, component_bits={"weight": 2, "output": 8}, model=model)
        stages = stage_costs(model.layer_specs(9, 5), spec.quant, extent)
        plain = stage_costs(ModelSpec().layer_specs(9, 5), spec.quant, extent)
        return [(s.slot, s.macs, s.bits) for s in stages if s not in plain]

    assert added(PairNorm()) == [("normalized", 20 * 16, (8, 8))]
    assert added(DiffGroupNorm(groups=3)) == [
        ("group_logit", 20 * 16 * 3, (8, 2)),
        ("group_scale", 20 * 16 * 3, (4, 2)),
        ("normalized", 20 * 16, (8, 4)),
    ]


@pytest.mark.parametrize("operator", ["appnp", "elastic", "smp"])
def test_what_steps_sum(operator) -> None:
    model = ModelSpec(operator=operator, steps=3)
    extent = Extent(nodes=20, edges={operator: 90}, entries=100, pairs=35)
    widths = {"message": 8} if operator == "appnp" else {"message": 8, "aggregate": 2}
    spec = scheme("qat", bits=4, component_bits=widths, model=model)
    stages = stage_costs(model.layer_specs(9, 5), spec.quant, extent)
    found = [(s.layer, s.slot, s.macs, s.bits) for s in stages if s.layer >= 2]
    first, later = (8, 1), (4, 1)
    if operator == "appnp":
        assert found == [(at, "output", 450, later if at > 2 else first) for at in (2, 3, 4)]
    if operator == "smp":
        assert found == [
            (at, *stage)
            for at in (2, 3, 4)
            for stage in (
                ("change", 450, later if at > 2 else first),
                ("output", 450, (2, 1)),
            )
        ]
    if operator == "elastic":
        assert [s for s in found if s[0] == 2] == [
            (2, "aggregate", 450, (8, 1)),
            (2, "dual", 350, (2, 1)),
            (2, "output", 350, (8, 1)),
        ]
        assert [s[1] for s in found if s[0] == 3] == ["aggregate", "proposal", "dual", "output"]


def test_after_a_pool_only_graphs_are_multiplied() -> None:
    model = ModelSpec(operator="gin", hidden=5, pool="sum")
    stages = stage_costs(
        model.layer_specs(3, 2),
        scheme("qat", bits=4, model=model).quant,
        extent_of(40, 100, 120, graphs=6),
    )
    assert [(s.slot, s.macs, s.bits) for s in stages if s.layer >= 2] == [
        ("aggregate", 40 * 5, (4, 1)),
        ("feature", 6 * 5 * 5, (4, 4)),
        ("feature", 6 * 5 * 2, (4, 4)),
    ]


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_products_of_two_codes_fall_with_the_square_of_the_width(bits, operator) -> None:
    model = ModelSpec(operator=operator)

    def products(spec):
        stages = stage_costs(model.layer_specs(10, 3), spec.quant, extent_of(50, 200, 500))
        return [stage for stage in stages if stage.slot.endswith("feature")]

    for quantized, full in zip(
        products(scheme("qat", bits=bits, model=model)),
        products(scheme("float", model=model)),
        strict=True,
    ):
        assert full.bit_operations == quantized.bit_operations * (32 // bits) ** 2


def test_only_zero_entries_cost_nothing() -> None:
    spec = scheme("qat", bits=8)
    dense, half = (
        bit_operations(spec.model.layer_specs(20, 3), spec.quant, extent_of(10, 30, entries))
        for entries in (200, 100)
    )
    assert dense - half == 100 * spec.model.hidden * 8 * 8
