"""The shape of a layer: its slots, components and learned tensors, and what each field refuses."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    COMPONENTS,
    FP32,
    PROPAGATIONS,
    Appnp,
    Elastic,
    LayerOperator,
    LayerQuant,
    LayerSpec,
    Percentile,
    QuantSpec,
    Smp,
    SpecError,
)
from engine.spec.layer import NOT_ROWS, WEIGHTS

OPERATORS = get_args(LayerOperator)
ONLY = {
    "heads": "gat",
    "concat": "gat",
    "slope": "gat",
    "aggregation": "sage",
    "hidden": "gin",
    "hidden_norm": "gin",
    "eps": "gin",
    "pool": "linear",
}
OTHER: dict[str, Any] = {
    "heads": 2,
    "concat": False,
    "slope": 0.1,
    "aggregation": "max",
    "hidden": 8,
    "hidden_norm": True,
    "eps": 0.5,
    "pool": "sum",
}


def layer(operator: LayerOperator = "gcn", **fields: Any) -> LayerSpec:
    """Return a layer from 6 features to 4; a step keeps its 4."""
    inputs = 4 if operator in PROPAGATIONS else 6
    return LayerSpec(**{"operator": operator, "inputs": inputs, "outputs": 4, **fields})


@pytest.mark.parametrize(
    ("field", "got"),
    [
        ("operator", "cheb"),
        ("inputs", 0),
        ("inputs", 1.5),
        ("outputs", 0),
        ("outputs", 65_537),
        ("activation", "tanh"),
        ("batch_norm", True),
        ("dropout", 1),
        ("dropout", float("nan")),
        ("residual", 1),
        ("heads", 0),
        ("concat", 0),
        ("slope", -0.1),
        ("aggregation", "sum"),
        ("hidden", 0),
        ("hidden_norm", None),
        ("eps", float("inf")),
        ("pool", "first"),
        ("steps", 65),
        ("steps", 0),
        ("step", 2),
        ("propagation", Appnp()),
    ],
)
def test_each_invalid_field_is_named(field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        layer(**{"operator": ONLY.get(field, "gcn"), field: got})
    assert (caught.value.field, str(caught.value.got)) == (field, str(got))


@pytest.mark.parametrize("field", ONLY)
@pytest.mark.parametrize("operator", OPERATORS)
def test_what_one_operator_has_is_refused_elsewhere(field: str, operator: LayerOperator) -> None:
    if operator == ONLY[field]:
        assert getattr(layer(operator, **{field: OTHER[field]}), field) == OTHER[field]
        return
    with pytest.raises(SpecError, match=f"only {ONLY[field]} has a choice") as caught:
        layer(operator, **{field: OTHER[field]})
    assert caught.value.field == field


def test_a_residual_layer_keeps_its_width() -> None:
    assert layer(outputs=6, residual=True).residual
    with pytest.raises(SpecError, match="since 6 features enter, 4 leave"):
        layer(residual=True)


def test_heads_share_the_outputs() -> None:
    assert layer("gat", heads=4).width == 4
    assert layer("gat", heads=3, concat=False).width == 12
    with pytest.raises(SpecError, match="heads: got 3, accepts a divisor of the 4 outputs"):
        layer("gat", heads=3)


@pytest.mark.parametrize("operator", OPERATORS)
def test_slots_and_components(operator: LayerOperator) -> None:
    shape = layer(operator)
    slots = tuple(shape.slots)
    assert slots[0] == ("message" if operator in PROPAGATIONS else "input")
    assert slots[-1] == "output"
    assert set(shape.slots.values()) == set(shape.components) <= set(COMPONENTS)
    assert list(shape.components) == sorted(shape.components, key=COMPONENTS.index)
    assert tuple(slot for slot in slots if slot in shape.rows) == shape.rows
    assert set(slots) - set(shape.rows) == set(slots) & set(NOT_ROWS)
    for component in shape.components:
        named = "change" if (operator, component) == ("smp", "aggregate") else component
        assert named in slots, "each component names a slot of its own, but where one says more"


def test_components_of_each_operator() -> None:
    shared = {"input", "weight", "feature", "output"}
    own = {
        operator: set(layer(operator).components) - shared
        for operator in OPERATORS
        if operator not in PROPAGATIONS
    }
    assert own == {
        "gcn": {"norm", "message", "aggregate"},
        "gat": {"attention", "logit", "coefficient", "message", "aggregate"},
        "gin": {"message", "aggregate"},
        "sage": {"message", "aggregate"},
        "linear": set(),
    }


def test_the_second_maps_share_the_widths_of_the_first() -> None:
    assert (
        dict(layer("gin").slots).items()
        >= {
            "hidden": "input",
            "hidden_weight": "weight",
            "hidden_feature": "feature",
        }.items()
    )
    assert layer("sage").slots["own_weight"] == "weight"
    assert layer("sage").slots["own_feature"] == "feature"


def test_a_pooling_layer_aggregates_first() -> None:
    assert tuple(layer("linear").slots) == ("input", "weight", "feature", "output")
    pooled = layer("linear", pool="mean")
    assert tuple(pooled.slots) == ("input", "aggregate", "weight", "feature", "output")
    assert "aggregate" in pooled.components


@pytest.mark.parametrize(
    ("shape", "constants"),
    [
        (layer("gcn"), {"weight": (6, 4), "bias": (4,)}),
        (layer("linear", pool="max"), {"weight": (6, 4), "bias": (4,)}),
        (layer("gat", heads=2), {"weight": (6, 4), "attention": (2, 4), "bias": (4,)}),
        (
            layer("gat", heads=2, concat=False),
            {"weight": (6, 8), "attention": (2, 8), "bias": (4,)},
        ),
        (layer("sage"), {"weight": (6, 4), "own_weight": (6, 4), "bias": (4,)}),
        (
            layer("gin", hidden=5, hidden_norm=True),
            {
                "weight": (6, 5),
                "hidden_bias": (5,),
                "hidden_gain": (5,),
                "hidden_weight": (5, 4),
                "bias": (4,),
            },
        ),
        (
            layer("gin"),
            {"weight": (6, 4), "hidden_bias": (4,), "hidden_weight": (4, 4), "bias": (4,)},
        ),
        (layer(batch_norm="before"), {"weight": (6, 4), "bias": (4,), "gain": (4,)}),
        (
            layer(batch_norm="after"),
            {"weight": (6, 4), "bias": (4,), "after_gain": (4,), "after_bias": (4,)},
        ),
    ],
)
def test_learned_tensors(shape: LayerSpec, constants: dict[str, tuple[int, ...]]) -> None:
    assert dict(shape.constants) == constants
    assert set(constants) & set(WEIGHTS) == set(shape.slots) & set(WEIGHTS)


@given(operator=st.sampled_from(OPERATORS), quant=...)
def test_a_slot_is_quantized_as_its_component(operator: LayerOperator, quant: LayerQuant) -> None:
    shape = layer(operator)
    for slot, component in shape.slots.items():
        if slot != "hidden":
            assert shape.quant_of(slot, quant) == quant[component]


def test_what_leaves_a_relu_is_unsigned() -> None:
    held = QuantSpec(bits=4, range=Percentile(), gradient="gc")
    hidden = layer("gin").quant_of("hidden", LayerQuant(input=held))
    assert hidden == QuantSpec(bits=4, signed=False, range=Percentile(), gradient="gc")
    assert layer("gin").quant_of("hidden", LayerQuant()) == FP32


def test_a_slot_that_the_layer_lacks_is_refused() -> None:
    with pytest.raises(SpecError, match="slot: got 'hidden', accepts one of input, weight"):
        layer().quant_of("hidden", LayerQuant())


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("component", COMPONENTS)
def test_widths_are_for_components_of_the_layer(operator: LayerOperator, component: str) -> None:
    shape, quant = layer(operator), LayerQuant(**{component: QuantSpec(bits=8)})
    if component in shape.components:
        shape.check_quant(quant)
        return
    having = ", ".join(shape.components)
    with pytest.raises(SpecError, match=f"{operator} layers have {having}") as caught:
        shape.check_quant(quant)
    assert caught.value.field == component


def test_a_layer_that_pools_has_no_input_to_add() -> None:
    with pytest.raises(SpecError, match="residual: got True, accepts false, since the layer pools"):
        LayerSpec(operator="linear", inputs=4, outputs=4, pool="mean", residual=True)


def test_slots_of_the_steps() -> None:
    def slots(operator: LayerOperator) -> list[tuple[str, ...]]:
        return [tuple(layer(operator, step=step, steps=3).slots) for step in (1, 2, 3)]

    assert slots("appnp") == [("message", "output"), ("output",), ("output",)]
    assert slots("smp") == [("message", "change", "output"), *[("change", "output")] * 2]
    later = ("aggregate", "proposal", "dual", "output")
    assert slots("elastic") == [("message", "aggregate", "dual", "output"), later, later]
    assert layer("elastic").rows == ("message", "aggregate", "output"), "duals are of edges"
    assert layer("smp").constants == {"multiplier": (1,)}
    assert layer("appnp").constants == layer("elastic").constants == {}


def test_what_a_step_reads() -> None:
    second = layer("appnp", step=2, steps=3)
    assert second.entry(5) == (4, "output")
    assert second.anchor(5) == (3, "output")
    assert layer("gcn").entry(5) == (5, "input")
    assert [layer("smp", step=step, steps=2).scaled for step in (1, 2)] == [True, False]


@pytest.mark.parametrize(
    ("operator", "own", "other"),
    [("appnp", Appnp(), Smp()), ("elastic", Elastic(), Appnp()), ("smp", Smp(), Elastic())],
)
def test_constants_of_a_step(operator: LayerOperator, own: Any, other: Any) -> None:
    assert layer(operator).propagates == own
    assert layer(operator, propagation=own).propagates is own
    assert layer("gcn").propagates is None
    with pytest.raises(SpecError, match=f"propagation: got .* a value of {type(own).__name__}"):
        layer(operator, propagation=other)


@pytest.mark.parametrize(
    ("field", "got"),
    [
        ("outputs", 5),
        ("activation", "relu"),
        ("batch_norm", "before"),
        ("dropout", 0.5),
        ("residual", True),
    ],
)
def test_a_step_only_propagates(field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        layer("smp", **{field: got})
    assert caught.value.field == field


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o not in PROPAGATIONS])
def test_only_propagations_have_steps(operator: LayerOperator) -> None:
    with pytest.raises(SpecError, match="steps: got 2, accepts 1, since only appnp, elastic, smp"):
        layer(operator, steps=2)
