"""JSON of every value: both ways, in one spelling, and each fault with its path."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import (
    Ema,
    GraphSpec,
    LayerQuant,
    ModelSpec,
    Percentile,
    Protection,
    QuantSpec,
    RunSpec,
    SpecError,
    TrainingSpec,
    canonical,
    decode,
    dumps,
    encode,
    loads,
)
from engine.spec.json import MAX_CHARACTERS

KINDS = (GraphSpec, ModelSpec, QuantSpec, LayerQuant, Protection, TrainingSpec, RunSpec)
VALUES = st.sampled_from(KINDS).flatmap(st.from_type)
FIELDS = ("graph", "quant", "training", "seed", "name", "nodes", "weight", "bits", "range", "kind")
NAMES = st.sampled_from(FIELDS) | st.text(max_size=4)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(value=VALUES)
def test_round_trip(value: Any) -> None:
    kind = type(value)
    assert decode(kind, encode(value)) == value
    assert loads(kind, dumps(value)) == value
    assert loads(kind, canonical(value)) == value


@given(value=VALUES)
def test_equal_values_have_one_spelling(value: Any) -> None:
    """A value read back holds floats where the first may have held integers."""
    back = loads(type(value), dumps(value))
    assert hash(back) == hash(value)
    assert canonical(back) == canonical(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (TrainingSpec(lr=1), TrainingSpec(lr=1.0)),
        (Protection(p_min=0, p_max=1), Protection(p_min=0.0, p_max=1.0)),
        (TrainingSpec(weight_decay=-0.0), TrainingSpec(weight_decay=0)),
        (GraphSpec(name="hubs", exponent=3), GraphSpec(name="hubs", exponent=3.0)),
        (QuantSpec(range=Ema(momentum=1)), QuantSpec(range=Ema(momentum=1.0))),
    ],
)
def test_integers_and_signed_zeros_read_as_the_same_number(one: Any, other: Any) -> None:
    assert one == other
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_left_out(kind: type) -> None:
    assert canonical(kind()) == "{}"
    assert loads(kind, "{}") == kind()


def test_canonical_text() -> None:
    spec = RunSpec(
        seed=3,
        quant=(LayerQuant(weight=QuantSpec(bits=4, range=Percentile())), LayerQuant()),
    )
    expected = '{"quant":[{"weight":{"bits":4,"range":{"kind":"Percentile"}}},{}],"seed":3}'
    assert canonical(spec) == expected


def test_dumps_is_readable() -> None:
    assert dumps(ModelSpec(layers=3)) == '{\n  "layers": 3\n}'
    assert dumps(ModelSpec(layers=3), indent=None) == '{"layers": 3}'


@pytest.mark.parametrize(
    ("text", "field", "accepts"),
    [
        ('{"quant": [{"weight": {"bits": 9}}, {}]}', "quant[0].weight.bits", "1 to 8"),
        ('{"quant": [{}, {"norm": {"bits": 1}}]}', "quant[1].norm.bits", "2 to 8"),
        ('{"quant": [{}, {"nrom": {}}]}', "quant[1].nrom", "no such field; the fields are input"),
        ('{"quant": {}}', "quant", "a list"),
        ('{"quant": [{}, 7]}', "quant[1]", "a JSON object"),
        ('{"quant": [{}]}', "quant", "one for each of the model's 2 layers"),
        ('{"quant": [{"input": {"range": {"kind": "Max"}}}]}', "quant[0].input.range.kind", "one"),
        ('{"quant": [{"input": {"range": {"kind": ["Ema"]}}}]}', "quant[0].input.range.kind", "on"),
        ('{"quant": [{"input": {"range": {"tail": 0}}}]}', "quant[0].input.range.kind", "one of"),
        ('{"quant": [{"input": {"range": "Ema"}}]}', "quant[0].input.range", "a JSON object"),
        (
            '{"quant": [{"input": {"range": {"kind": "Ema", "momentum": 0}}}]}',
            "quant[0].input.range.momentum",
            "a number above 0 to 1",
        ),
        (
            '{"quant": [{"input": {"range": {"kind": "MinMax", "tail": 0}}}]}',
            "quant[0].input.range.tail",
            "no such field",
        ),
        (
            '{"quant": [{"input": {"bits": 8, "granularity": "channel"}}, {}]}',
            "quant[0].input.granularity",
            "tensor",
        ),
        ('{"graph": {"nodes": 100}}', "graph.nodes", "only hubs"),
        ('{"graph": {"name": "hubs", "nodes": 100.5}}', "graph.nodes", "an integer from 10"),
        ('{"graph": {"name": "hubs", "exponent": NaN}}', "graph.exponent", "a finite number"),
        ('{"graph": {"normalize": 1}}', "graph.normalize", "true or false"),
        ('{"graph": 1}', "graph", "a JSON object"),
        ('{"model": {"dropout": NaN}}', "model.dropout", "a finite number"),
        ('{"model": {"dropout": Infinity}}', "model.dropout", "a finite number"),
        ('{"model": {"layers": NaN}}', "model.layers", "a finite number"),
        ('{"model": {"layers": true}}', "model.layers", "an integer"),
        ('{"model": {"layers": null}}', "model.layers", "an integer"),
        ('{"model": {"operator": {}}}', "model.operator", "one of gcn"),
        ('{"training": {"lr": "0.1"}}', "training.lr", "a number above 0 to 10"),
        ('{"training": {"lr": 1e999}}', "training.lr", "a finite number"),
        ('{"training": {"lr": ' + "9" * 400 + "}}", "training.lr", "a finite number"),
        ('{"training": {"epochs": ' + "9" * 400 + "}}", "training.epochs", "an integer from 1"),
        ('{"protection": {"p_min": 0.5, "p_max": 0.1}}', "protection.p_max", "at least p_min, 0.5"),
        ('{"seed": -1}', "seed", "an integer from 0"),
        ('{"sed": 1}', "sed", "no such field; the fields are graph, model"),
        ('{"seed": 1, "seed": 2}', "seed", "given twice"),
        ('{"model": {"hidden": 8, "hidden": 8}}', "hidden", "given twice"),
        ("[]", "RunSpec", "a JSON object"),
        ("null", "RunSpec", "a JSON object"),
        ("", "json", "a JSON object"),
        ("{'seed': 1}", "json", "a JSON object"),
        ('{"seed": ' + "9" * 5000 + "}", "json", "a JSON object"),
        ("[" * 200_000, "json", "a JSON object"),
        ('{"seed": ' + "[" * 900 + "]" * 900 + "}", "seed", "an integer"),
        (" " * (MAX_CHARACTERS + 1), "json", "at most 1000000"),
    ],
)
def test_each_fault_is_named(text: str, field: str, accepts: str) -> None:
    with pytest.raises(SpecError) as caught:
        loads(RunSpec, text)
    assert caught.value.field == field
    assert accepts in caught.value.accepts


def read(kind: type, text: str) -> Any:
    """Return the value in a text, None where it is refused as it should be."""
    try:
        return loads(kind, text)
    except SpecError:
        return None


@given(data=ANY_JSON)
def test_any_json_is_read_or_refused(data: Any) -> None:
    for kind in KINDS:
        value = read(kind, json.dumps(data))
        assert value is None or loads(kind, dumps(value)) == value


@given(value=st.from_type(RunSpec), broken=ANY_JSON, data=st.data())
def test_a_run_with_one_broken_entry_is_read_or_refused(
    value: RunSpec, broken: Any, data: st.DataObject
) -> None:
    plain = encode(value)
    at: Any = plain
    while at:
        place = data.draw(st.sampled_from(list(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[place], dict | list) or data.draw(st.booleans()):
            at[place] = broken
            break
        at = at[place]
    back = read(RunSpec, json.dumps(plain))
    assert back is None or encode(back) == encode(loads(RunSpec, dumps(back)))
