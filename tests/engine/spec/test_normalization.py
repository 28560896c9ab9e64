"""Normalisations over the nodes: what they accept, and where a network has them."""

from __future__ import annotations

import pytest

from engine.spec import (
    NORMALIZATIONS,
    DiffGroupNorm,
    LayerSpec,
    ModelSpec,
    Normalization,
    PairNorm,
    SpecError,
    decode,
    encode,
    scheme,
)

GROUPS = ("group_weight", "group_logit", "group_share", "group_gain", "group_scale")


@pytest.mark.parametrize(
    ("kind", "fields", "field"),
    [
        (PairNorm, {"scale": 0}, "scale"),
        (PairNorm, {"scale": 1001}, "scale"),
        (PairNorm, {"by_node": 1}, "by_node"),
        (DiffGroupNorm, {"groups": 0}, "groups"),
        (DiffGroupNorm, {"groups": 2.0}, "groups"),
        (DiffGroupNorm, {"weight": -1}, "weight"),
    ],
)
def test_each_fault_is_named(kind: type, fields: dict, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        kind(**fields)
    assert caught.value.field == field


@pytest.mark.parametrize("operator", ["linear", "appnp"])
def test_only_layers_that_gather_and_learn_have_one(operator) -> None:
    with pytest.raises(SpecError, match=r"normalization: got PairNorm.* only gcn, gat, gin, sage"):
        LayerSpec(operator=operator, inputs=3, outputs=3, normalization=PairNorm())


def test_a_model_of_a_propagation_has_none() -> None:
    with pytest.raises(SpecError, match="normalization: got"):
        ModelSpec(operator="smp", normalization=PairNorm())


def test_it_takes_the_place_of_batch_normalisation() -> None:
    with pytest.raises(SpecError, match="batch_norm: got 'before'"):
        LayerSpec(
            operator="gcn", inputs=3, outputs=3, batch_norm="before", normalization=PairNorm()
        )
    with pytest.raises(SpecError, match="batch_norm: got True"):
        ModelSpec(batch_norm=True, normalization=PairNorm())
    gin = ModelSpec(operator="gin", layers=3, normalization=PairNorm()).layer_specs(4, 2)
    assert [layer.batch_norm for layer in gin] == ["none"] * 3
    assert [layer.hidden_norm for layer in gin] == [True] * 3


@pytest.mark.parametrize("how", [*NORMALIZATIONS.values(), DiffGroupNorm(groups=3, weight=0.5)])
def test_hidden_layers_have_it_and_the_scores_do_not(how: Normalization) -> None:
    model = ModelSpec(layers=4, normalization=how)
    shapes = model.layer_specs(5, 2)
    assert [shape.normalization for shape in shapes] == [how] * 3 + [None]
    assert [shape.activated for shape in shapes] == ["normalized"] * 3 + ["output"]
    added = GROUPS if isinstance(how, DiffGroupNorm) else ()
    after = [*shapes[0].slots][[*shapes[0].slots].index("output") + 1 :]
    assert after == [*added, "normalized"]
    constants = shapes[1].constants
    if isinstance(how, DiffGroupNorm):
        assert constants["group_weight"] == constants["group_gain"][::-1] == (16, how.groups)
        assert constants["group_bias"] == (16,)
    assert decode(ModelSpec, encode(model)) == model


def test_what_it_adds_has_a_width() -> None:
    spec = scheme("qat", bits=4, model=ModelSpec(layers=3, normalization=DiffGroupNorm()))
    hidden, _, last = spec.quant
    assert (hidden.logit.bits, hidden.coefficient.bits, hidden.coefficient.signed) == (4, 4, False)
    assert last.logit.is_float
    plain = scheme("qat", bits=4, model=ModelSpec(layers=3, normalization=PairNorm()))
    assert plain.quant == scheme("qat", bits=4, model=ModelSpec(layers=3)).quant


def test_pooled_networks_have_it_before_the_pool() -> None:
    shapes = ModelSpec(operator="gin", pool="sum", normalization=PairNorm()).layer_specs(4, 2)
    assert [shape.normalization is not None for shape in shapes] == [True, True, False, False]
