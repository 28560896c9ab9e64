"""Named schemes: the rules that their papers give them, and what a caller may change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    COMPONENTS,
    FP32,
    SCHEMES,
    Current,
    Ema,
    GraphSpec,
    LayerQuant,
    MinMax,
    ModelSpec,
    Percentile,
    Protection,
    RunSpec,
    SpecError,
    TrainingSpec,
    component_spec,
    float_twin,
    scheme,
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
            assert held.range == (Current() if component == "weight" else rule)


@pytest.mark.parametrize("name", QUANTIZED)
@pytest.mark.parametrize("layers", [2, 5])
def test_signs_and_the_final_scores(name: str, layers: int) -> None:
    spec = scheme(name, bits=4, model=ModelSpec(layers=layers))
    assert len(spec.quant) == layers
    for layer, quant in enumerate(spec.quant):
        unsigned = {component for component, held in quant.items() if not held.signed}
        assert unsigned == ({"norm", "input"} if layer else {"norm"})
        assert quant.output.is_float == (layer == layers - 1)


def test_the_output_is_quantized_to_the_end_where_asked() -> None:
    spec = scheme("qat", bits=8, component_bits={"output": 4})
    assert [quant.output.bits for quant in spec.quant] == [4, 4]


@given(name=st.sampled_from(QUANTIZED), data=st.data())
def test_widths_by_component(name: str, data: st.DataObject) -> None:
    widths = st.sampled_from([2, 3, 4, 8, 16, 32])
    component_bits = data.draw(st.dictionaries(st.sampled_from(COMPONENTS), widths))
    bits = data.draw(widths)
    spec = scheme(name, bits=bits, component_bits=component_bits)
    for layer, quant in enumerate(spec.quant):
        for component, held in quant.items():
            wanted = component_bits.get(component, bits)
            if layer == 1 and component == "output" and "output" not in component_bits:
                wanted = 32
            assert held.bits == wanted
            assert (held == FP32) == (wanted == 32)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "dq"}, "scheme"),
        ({"bits": 1}, "bits"),
        ({"bits": 12}, "bits"),
        ({"component_bits": {"agregate": 4}}, "bits"),
        ({"component_bits": {"message": 1}}, "bits"),
        ({"seed": -1}, "seed"),
    ],
)
def test_each_fault_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        scheme(**{"name": "qat", **change})
    assert caught.value.field == field


def test_component_spec_refuses_an_unknown_scheme() -> None:
    with pytest.raises(SpecError, match="scheme: got 'best'"):
        component_spec("best", "weight", 8, layer=0)
    assert component_spec("float", "weight", 32, layer=0) == FP32


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
    }
