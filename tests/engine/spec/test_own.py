"""A person's own model as a value: what it accepts, in JSON, in schemes and in keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.spec import (
    SCHEMES,
    GraphSpec,
    LayerSpec,
    ModelSpec,
    OwnModel,
    RunSpec,
    SpecError,
    TrainingSpec,
    canonical,
    decode,
    encode,
    float_twin,
    loads,
    scheme,
)
from engine.spec.layer import signed_inputs

LAYERS = (
    LayerSpec(operator="gat", inputs=5, outputs=8, heads=2, activation="elu", dropout=0.3),
    LayerSpec(operator="gin", inputs=8, outputs=6, hidden=7, eps=0.5, activation="relu"),
    LayerSpec(operator="linear", inputs=6, outputs=4, pool="sum"),
)
OWN = OwnModel(name=f"own:{'ab' * 32}", layers=LAYERS)


def test_it_says_what_it_is() -> None:
    assert (OWN.depth, OWN.pool, OWN.features, OWN.outputs) == (3, "sum", 5, 4)
    assert OWN.layer_specs(1, 1) == OWN.layer_specs(9, 9) == LAYERS
    assert OwnModel(name=OWN.name, layers=LAYERS[:2]).pool == "none"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "own:ab"}, "name"),
        ({"name": f"../{'ab' * 32}"}, "name"),
        ({"layers": ()}, "layers"),
        ({"layers": list(LAYERS)}, "layers"),
        ({"layers": (LAYERS[0], "gin")}, "layers[1]"),
        ({"layers": (LAYERS[0], LAYERS[2])}, "layers[1].inputs"),
    ],
)
def test_each_invalid_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        replace(OWN, **change)
    assert caught.value.field == field


@pytest.mark.parametrize("name", SCHEMES)
def test_schemes_quantize_it_and_json_keeps_it(name: str) -> None:
    spec = scheme(name, bits=4, model=OWN)
    back = loads(RunSpec, canonical(spec))
    assert back == spec
    assert (back.key, hash(back)) == (spec.key, hash(spec))
    assert encode(spec)["model"]["kind"] == "OwnModel"
    assert len(spec.quant) == 3
    if name != "float":
        assert [layer.input.signed for layer in spec.quant] == [name != "bi-gcn", True, False]
        assert spec.quant[2].message.is_float, "a linear layer sends nothing"


def test_a_shape_to_be_learned_goes_without_a_kind() -> None:
    """As it did before there were own models: no key may change."""
    spec = RunSpec(model=ModelSpec(hidden=8))
    assert canonical(spec) == '{"model":{"hidden":8}}'
    assert loads(RunSpec, '{"model": {"kind": "ModelSpec", "hidden": 8}}') == spec


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"kind": "OwnModel"}, "model.name"),
        ({"kind": "OwnModel", "name": OWN.name}, "model.layers"),
        ({"kind": "OwnModel", "name": OWN.name, "layers": [{"inputs": 3}]}, None),
        ({"kind": "Theirs"}, "model.kind"),
        ({"hidden": 0}, "model.hidden"),
        ({"name": OWN.name}, "model.name"),
    ],
)
def test_what_is_missing_in_json_is_named(data: dict[str, Any], field: str | None) -> None:
    with pytest.raises(SpecError) as caught:
        decode(RunSpec, {"model": data})
    assert caught.value.field == field or (field is None and "layers[0]" in caught.value.field)


def test_its_float_run_is_one_whatever_is_trained() -> None:
    specs = [
        scheme(name, bits=4, model=OWN, seed=seed, training=TrainingSpec(epochs=epochs))
        for name, seed, epochs in (("qat", 0, 5), ("degree-quant", 3, 9), ("ptq", 1, 7))
    ]
    assert len({float_twin(spec).key for spec in specs}) == 1
    twin = float_twin(specs[0])
    assert (twin.training.mode, twin.model) == ("float", OWN)
    elsewhere = replace(specs[0], graph=GraphSpec(name="karate"))
    assert float_twin(elsewhere).key != twin.key


def test_signs_follow_activations_and_what_stands_after_them() -> None:
    assert signed_inputs(LAYERS) == (True, True, False)
    normed = replace(LAYERS[1], batch_norm="after")
    assert signed_inputs((LAYERS[0], normed, LAYERS[2])) == (True, True, True)
    assert signed_inputs(LAYERS[:1]) == (True,)
