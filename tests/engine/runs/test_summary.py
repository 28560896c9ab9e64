"""A run in one row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import isnan, nan

import pytest

from engine.runs.summary import RunSummary, describe_bits, describe_model, dumps, loads
from engine.spec import (
    FP32,
    LayerSpec,
    ModelSpec,
    Operator,
    OwnModel,
    RunSpec,
    canonical,
    scheme,
)


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (scheme("float"), "FP32"),
        (scheme("qat", bits=4), "INT4"),
        (scheme("degree-quant", bits=8), "INT8"),
        (scheme("qat", bits=8, component_bits={"output": 8}), "INT8"),
        (scheme("qat", bits=8, component_bits={"weight": 4}), "W4A8"),
        (scheme("qat", bits=8, component_bits={"message": 2}), "2–8 bits"),
        (scheme("qat", bits=8, component_bits={"weight": 32}), "W32A8"),
        (scheme("sgquant", bits=8), "2–8 bits by degree"),
    ],
)
def test_bits_in_a_word(spec: RunSpec, word: str) -> None:
    assert describe_bits(spec) == word


def test_float_outputs_of_hidden_layers_count() -> None:
    base = scheme("qat", bits=8)
    first, last = base.quant
    assert describe_bits(replace(base, quant=(replace(first, output=FP32), last))) == "8–32 bits"


@pytest.mark.parametrize("operator", ["gat", "gin", "sage"])
def test_only_what_the_operator_has_counts(operator: Operator) -> None:
    assert describe_bits(scheme("qat", bits=4, model=ModelSpec(operator=operator))) == "INT4"


def test_an_own_model_is_called_by_its_digest() -> None:
    layer = LayerSpec(operator="gcn", inputs=3, outputs=2)
    assert describe_model(OwnModel(name=f"own:{'0a' * 32}", layers=(layer,))) == "own 0a0a0a"
    assert describe_model(ModelSpec(operator="gat", layers=3)) == "gat 3×16"


def test_survives_json() -> None:
    spec = scheme("qat", bits=4, seed=7)
    row = RunSummary(
        key=spec.key,
        status="diverged",
        note="The loss is NaN after 3 epochs.",
        created=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        seconds=1.5,
        epochs=3,
        metrics={"loss": nan, "accuracy": {"float": 0.5}},
        spec_json=canonical(spec),
        graph="Cora",
        shipped=True,
    )
    read = loads(dumps(row))
    assert read.spec == spec
    assert read.created == row.created
    assert isnan(read.metrics["loss"])
    assert read.metrics["accuracy"] == {"float": 0.5}
    assert not read.shipped
    for name in ("key", "status", "note", "seconds", "epochs", "graph", "seed"):
        assert getattr(read, name) == getattr(row, name)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"created": "today", "metrics": {}}', "null"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_a_propagation_names_its_steps() -> None:
    assert describe_model(ModelSpec(operator="smp", hidden=64, steps=3)) == "smp 2×64 + 3 steps"
    assert describe_model(ModelSpec()) == "gcn 2×16"
