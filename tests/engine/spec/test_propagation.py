"""Constants of propagations: each invalid field by name, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.spec import Appnp, Elastic, ModelSpec, Smp, SpecError, decode, encode


@pytest.mark.parametrize(
    ("make", "field", "got"),
    [
        (Appnp, "teleport", -0.1),
        (Appnp, "teleport", 1.1),
        (Appnp, "teleport", float("nan")),
        (Elastic, "lambda1", -1),
        (Elastic, "lambda2", 1001),
        (Smp, "eta", 0),
        (Smp, "eta", 1.1),
        (Smp, "mu", -1),
        (Smp, "epsilon", "small"),
        (Smp, "lambda0", -1),
        (Smp, "slack0", float("inf")),
        (Smp, "eta_lambda", True),
        (Smp, "eta_slack", -1),
    ],
)
def test_each_invalid_field_is_named(make: Any, field: str, got: Any) -> None:
    with pytest.raises(SpecError) as caught:
        make(**{field: got})
    assert caught.value.field == field


def test_the_public_constants_propose_personalised_pagerank() -> None:
    smp = Smp()
    assert smp.kept == 0
    assert smp.eta * smp.mu == pytest.approx(1 - Appnp().teleport)
    assert smp.largest_lambda == 2.5


def test_steps_of_elastic() -> None:
    assert Elastic(lambda2=3).gamma == 0.25
    assert Elastic(lambda2=3).beta == 2
    assert Elastic(lambda2=0).gamma == 1


def test_constants_are_told_apart_by_their_kind() -> None:
    model = ModelSpec(operator="smp", propagation=Smp(mu=4), steps=3)
    data = encode(model)
    assert data["propagation"] == {"kind": "Smp", "mu": 4.0}
    assert decode(ModelSpec, data) == model
    assert decode(ModelSpec, {"operator": "appnp", "propagation": None}).propagation is None
    with pytest.raises(SpecError, match=r"propagation\.kind: got 'Gcn', accepts one of Appnp"):
        decode(ModelSpec, {"operator": "smp", "propagation": {"kind": "Gcn"}})
    with pytest.raises(SpecError, match=r"propagation\.mu: got -1.0, accepts a number"):
        decode(ModelSpec, {"operator": "smp", "propagation": {"kind": "Smp", "mu": -1}})
