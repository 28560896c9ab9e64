"""Named schemes: the rules that their papers give them, and what a caller may change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    FP32,
    SCHEMES,
    Current,
    Ema,
    GraphSpec,
    LayerQuant,
    LearnedRange,
    MinMax,
    ModelSpec,
    Percentile,
    Protection,
    QuantSpec,
    RunSpec,
    SpecError,
    TrainingSpec,
    component_spec,
    float_twin,
    scheme,
    vary,
)
from engine.spec.schemes import MOMENTUM

QUANTIZED = [name for name in SCHEMES if name != "float"]


def test_float_has_no_quantizer_and_no_protection() -> None:
    spec = scheme("float", bits=4, component_bits={"weight": 2})
    assert spec.quant == (LayerQuant(), LayerQuant())
    assert spec.training.mode == "float"
    assert spec.protection.is_off
    assert spec.key == scheme("float").key


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_rules_of_degree_quant(bits: int) -> None:
    spec = scheme("degree-quant", bits=bits)
    assert spec.protection == Protection(p_min=0.0, p_max=0.1)
    assert spec.training.mode == "retrain"
    tail = 0.001 if bits >= 8 else 0.01
    for quant in spec.quant:
        for component, held in quant.items():
            if held.is_float:
                continue
            assert (held.bits, held.gradient) == (bits, "gc")
            if component == "weight":
                assert (held.granularity, held.range) == ("channel", Current())
            else:
                assert held.range == Percentile(tail=tail, momentum=MOMENTUM)


def test_rules_of_plain_training_and_of_none() -> None:
    for name, rule, mode in (("qat", Ema(momentum=MOMENTUM), "retrain"), ("ptq", MinMax(), "ptq")):
        spec = scheme(name, bits=4)
        assert spec.protection.is_off
        assert spec.training.mode == mode
        for component, held in spec.quant[0].items():
            assert held.gradient == "ste"
            if not held.is_float:
                assert held.range == (Current() if component == "weight" else rule)


@pytest.mark.parametrize(
    ("bits", "tail", "momentum", "protection", "distillation"),
    [
        (8, 0.001, 0.1, Protection(p_max=0.1), 0),
        (4, 0.01, 0.1, Protection(p_max=0.1), 0),
        (2, 0.03, 0.03, Protection(p_min=0.2, p_max=0.5), 0.5),
    ],
)
def test_smp_is_degree_quant_with_learned_ranges(
    bits: int, tail: float, momentum: float, protection: Protection, distillation: float
) -> None:
    model = ModelSpec(operator="smp", hidden=64, steps=4)
    made = scheme("smp", bits=bits, model=model)
    training = TrainingSpec(distillation=distillation)
    other = scheme("degree-quant", bits=bits, model=model, protection=protection, training=training)
    varied = vary(other, rule="learned-range", range_lr=1e-3, tail=tail, momentum=momentum)
    assert made == varied


@pytest.mark.parametrize("name", QUANTIZED)
@pytest.mark.parametrize("layers", [2, 5])
def test_signs_and_the_final_scores(name: str, layers: int) -> None:
    spec = scheme(name, bits=4, model=ModelSpec(layers=layers))
    assert len(spec.quant) == layers
    for layer, quant in enumerate(spec.quant):
        unsigned = {component for component, held in quant.items() if not held.signed}
        follows_relu = layer == 0 if name == "bi-gcn" else layer > 0
        assert unsigned == ({"norm", "input"} if follows_relu else {"norm"})
        assert quant.output.is_float == (layer == layers - 1)


@pytest.mark.parametrize("name", QUANTIZED)
def test_rules_of_attention(name: str) -> None:
    spec = scheme(name, bits=4, model=ModelSpec(operator="gat"))
    for layer, quant in enumerate(spec.quant):
        assert quant.norm == FP32
        rule = LearnedRange(base=Current(), lr=1e-3) if name == "smp" else Current()
        assert (quant.attention.granularity, quant.attention.range) == ("tensor", rule)
        unsigned = {component for component, held in quant.items() if not held.signed}
        own = {"input"} if name == "bi-gcn" and layer == 0 else set()
        assert unsigned == {"coefficient"} | own, "no relu stands between the layers"


def test_an_input_is_signed_unless_a_relu_precedes_it() -> None:
    for operator in ("gin", "sage"):
        first, second = scheme("qat", bits=4, model=ModelSpec(operator=operator)).quant
        assert (first.input.signed, second.input.signed) == (True, False)
    for activation in ("elu", "none"):
        spec = scheme("qat", bits=4, model=ModelSpec(activation=activation))
        assert all(quant.input.signed for quant in spec.quant)


@given(name=st.sampled_from(SCHEMES), model=...)
def test_each_component_that_a_layer_has(name: str, model: ModelSpec) -> None:
    spec = scheme(name, bits=4, model=model)
    *hidden, last = zip(spec.quant, model.layer_specs(3, 3), strict=True)
    for quant, shape in hidden:
        quantized = () if name == "float" else shape.components
        assert tuple(c for c, held in quant.items() if not held.is_float) == quantized
    assert last[0].output.is_float


def test_the_output_is_quantized_to_the_end_where_asked() -> None:
    spec = scheme("qat", bits=8, component_bits={"output": 4})
    assert [quant.output.bits for quant in spec.quant] == [4, 4]


@given(name=st.sampled_from(QUANTIZED), data=st.data())
def test_widths_by_component(name: str, data: st.DataObject) -> None:
    widths = st.sampled_from([2, 3, 4, 8, 16, 32])
    model = data.draw(st.from_type(ModelSpec))
    shapes = model.layer_specs(1, 1)
    has = sorted({component for shape in shapes for component in shape.components})
    component_bits = data.draw(st.dictionaries(st.sampled_from(has), widths))
    bits = data.draw(widths)
    spec = scheme(name, bits=bits, component_bits=component_bits, model=model)
    for layer, quant in enumerate(spec.quant):
        for component, held in quant.items():
            scores = layer == model.depth - 1 and component == "output"
            own = {"ternary": {"weight": 2}, "bi-gcn": {"weight": 1, "input": 1}}.get(name, {})
            if shapes[layer].pool != "none":
                own.pop("input", None)
            wanted = component_bits.get(component, 32 if scores else own.get(component, bits))
            if component not in shapes[layer].components:
                wanted = 32
            assert held.bits == wanted
            assert (held == FP32) == (wanted == 32)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "dq"}, "scheme"),
        ({"bits": 12}, "bits"),
        ({"component_bits": {"agregate": 4}}, "bits"),
        ({"component_bits": {"message": 1}}, "message.bits"),
        ({"component_bits": {"attention": 4}}, "bits"),
        ({"component_bits": {"norm": 4}, "model": ModelSpec(operator="gin")}, "bits"),
        ({"seed": -1}, "seed"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        scheme(**{"name": "qat", **change})
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["qat", "degree-quant", "ptq", "ternary", "bi-gcn"])
@pytest.mark.parametrize("pool", ["none", "mean"])
def test_one_bit_is_for_what_products_read(name: str, pool: Any) -> None:
    spec = scheme(name, bits=1, model=ModelSpec(operator="gin", pool=pool))
    for quant, shape in zip(spec.quant, spec.model.layer_specs(1, 1), strict=True):
        assert quant.weight.bits == (2 if name == "ternary" else 1)
        assert quant.input.bits == (8 if shape.pool != "none" else 1)
        assert quant.feature.bits == 8


def test_bi_gcn() -> None:
    spec = scheme("bi-gcn", graph=GraphSpec(name="Cora"))
    first, second = spec.quant
    assert (first.input.signed, second.input.signed) == (False, True)
    assert first.weight == QuantSpec(bits=1, granularity="channel", range=Current(), gradient="ste")
    assert spec.model == ModelSpec(activation="none")
    assert not spec.graph.normalizes
    kept = scheme("bi-gcn", graph=GraphSpec(name="Cora", normalize=True))
    assert kept.graph.normalizes
    assert scheme("bi-gcn", model=ModelSpec(activation="relu")).model.activation == "relu"


def test_ternary_weights() -> None:
    spec = scheme("ternary", bits=4)
    assert all(quant.weight.ternary and quant.weight.bits == 2 for quant in spec.quant)
    assert not any(held.ternary for _, held in spec.quant[0].items() if held.bits == 4)
    assert not scheme("ternary", component_bits={"weight": 4}).quant[0].weight.ternary


def test_component_spec_refuses_an_unknown_scheme() -> None:
    with pytest.raises(SpecError, match="scheme: got 'best'"):
        component_spec("best", "weight", 8, signed=True)
    assert component_spec("float", "weight", 32, signed=True) == FP32


def test_what_a_caller_gives_is_kept() -> None:
    given_parts: dict[str, Any] = {
        "graph": GraphSpec(name="Cora"),
        "model": ModelSpec(layers=3, hidden=8),
        "protection": Protection(p_min=0.1, p_max=0.2, shared=False),
        "seed": 4,
    }
    spec = scheme("degree-quant", training=TrainingSpec(epochs=5, lr=0.1), **given_parts)
    assert {name: getattr(spec, name) for name in given_parts} == given_parts
    assert spec.training == TrainingSpec(epochs=5, lr=0.1)


@pytest.mark.parametrize(
    ("name", "given_mode", "mode"),
    [
        ("qat", "finetune", "finetune"),
        ("degree-quant", "finetune", "finetune"),
        ("qat", "float", "retrain"),
        ("qat", "ptq", "retrain"),
        ("ptq", "finetune", "ptq"),
        ("ptq", "retrain", "ptq"),
        ("float", "finetune", "float"),
    ],
)
def test_of_a_mode_only_finetune_counts(name: str, given_mode: Any, mode: str) -> None:
    assert scheme(name, training=TrainingSpec(mode=given_mode)).training.mode == mode


@pytest.mark.parametrize(("name", "share"), [("float", 0), ("ptq", 0), ("qat", 0.5)])
def test_a_scheme_that_trains_quantizers_is_distilled(name: str, share: float) -> None:
    assert scheme(name, training=TrainingSpec(distillation=0.5)).training.distillation == share


@given(spec=...)
def test_float_twin_is_the_float_scheme(spec: RunSpec) -> None:
    twin = float_twin(spec)
    assert twin == scheme(
        "float", graph=spec.graph, model=spec.model, training=spec.training, seed=spec.seed
    )
    assert float_twin(twin) == twin


def test_schemes_keep_their_keys() -> None:
    """A scheme's value that changes no longer finds the runs that people have."""
    assert {name: scheme(name, bits=4).key[:16] for name in SCHEMES} == {
        "float": "2f5ffb8bdb66075c",
        "ptq": "6850ed9bafec9fc9",
        "qat": "75acfdebf10a6ca8",
        "degree-quant": "36ac33e1acc262fa",
        "smp": "a391a4d1d1f1c241",
        "ternary": "0e676a6ee68e66d1",
        "bi-gcn": "54437cd21fefa629",
        "sgquant": "cc77d09c7a2d19ea",
    }
