"""Spaces: every chooser makes a run, every run says what was chosen."""

from __future__ import annotations

import random
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search import Choice, Option, Space
from engine.search.space import FIELDS
from engine.spec import (
    GraphSpec,
    ModelSpec,
    RunSpec,
    SpecError,
    TrainingSpec,
    canonical,
    loads,
    scheme,
)

SHAPES = Space(
    operators=("gcn", "gat", "sage", "appnp"),
    aggregations=("mean", "max"),
    hidden=(16, 32),
    layers=(2, 3),
    steps=(2, 5),
    activations=("relu", "elu"),
    residual=(False, True),
)


def first(choice: Choice) -> Option:
    return choice.options[0]


def drawn(seed: int) -> Any:
    source = random.Random(seed)
    return lambda choice: source.choice(choice.options)


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "appnp", "smp"])
@pytest.mark.parametrize(
    ("name", "bits"),
    [
        *((name, bits) for name in ("qat", "degree-quant") for bits in (8, 4, 2)),
        ("smp", 8),
        ("smp", 4),
    ],
)
def test_one_width_everywhere_is_the_scheme(operator: Any, name: str, bits: int) -> None:
    model = ModelSpec(operator=operator)
    space = Space(model=model, scheme=name, graph=GraphSpec(name="Cora"))
    wanted = scheme(name, bits=bits, model=model, graph=GraphSpec(name="Cora"), seed=3)
    assert space.spec(lambda choice: bits, 3) == wanted


@given(st.integers(0, 2**32))
def test_a_run_says_what_was_chosen(seed: int) -> None:
    asked: dict[str, Option] = {}
    choose = drawn(seed)

    def noted(choice: Choice) -> Option:
        assert choice.name not in asked
        asked[choice.name] = choose(choice)
        return asked[choice.name]

    spec = SHAPES.spec(noted, seed % 100)
    assert SHAPES.chosen(spec) == asked
    assert loads(RunSpec, canonical(spec)) == spec


BY_DEGREE = Space(
    operators=("gcn", "gin", "elastic"), steps=(2,), widths=(8, 1, 4, 2), degrees=(3, 9)
)


@given(st.integers(0, 2**32))
def test_a_run_says_which_widths_were_chosen_by_degree(seed: int) -> None:
    asked: dict[str, Option] = {}
    choose = drawn(seed)

    def noted(choice: Choice) -> Option:
        asked[choice.name] = choose(choice)
        return asked[choice.name]

    spec = BY_DEGREE.spec(noted)
    assert BY_DEGREE.chosen(spec) == asked
    assert loads(RunSpec, canonical(spec)) == spec
    for name, option in asked.items():
        if "." in name:
            layer, component, degree = Choice(name=name, options=()).place
            assert spec.quant[layer][component].bits_at(degree) == option


def test_only_rows_of_nodes_have_widths_by_degree() -> None:
    names = {choice.name: choice.options for choice in BY_DEGREE.choices(ModelSpec())}
    assert {"0.input", "0.input.3", "0.input.9", "1.message.9"} <= set(names)
    assert names["0.input"] == names["0.input.9"] == (8, 4, 2)
    assert names["0.weight"] == (8, 1, 4, 2)
    assert not {"0.weight.3", "0.norm.3"} & set(names)
    pooled = BY_DEGREE.choices(ModelSpec(operator="gin", pool="sum"))
    assert [c.name for c in pooled if c.name.startswith("2.") and c.name.count(".") == 2] == [
        "2.input.3",
        "2.input.9",
    ]


def test_one_width_by_degree_is_the_same_run() -> None:
    plain = Space(graph=GraphSpec(name="Cora"))
    by_degree = Space(graph=GraphSpec(name="Cora"), degrees=(4, 16))
    assert by_degree.spec(lambda c: 4) == plain.spec(lambda c: 4)


def test_only_what_has_a_sense_is_asked() -> None:
    def chosen(operator: str) -> dict[str, Option]:
        spec = SHAPES.spec(lambda c: operator if c.name == "operator" else c.options[0])
        return SHAPES.chosen(spec)

    assert {"aggregation", "steps", "0.norm"} & set(chosen("gcn")) == {"0.norm"}
    assert {"aggregation", "steps", "0.norm"} & set(chosen("sage")) == {"aggregation"}
    assert {"aggregation", "steps", "0.norm"} & set(chosen("appnp")) == {"steps"}
    assert {"0.attention", "1.logit"} <= set(chosen("gat"))
    assert not any(name in chosen("gcn") for name in ("1.output", "2.output"))


def test_every_network_is_told_once() -> None:
    models = list(SHAPES.models())
    assert len(models) == len(set(models)) == (1 + 1 + 2 + 2) * 2 * 2 * 2 * 2
    assert list(Space().models()) == [ModelSpec()]
    names = {choice.name for choice in SHAPES.everything()}
    assert set(FIELDS.values()) | {"2.coefficient", "6.output", "0.norm"} <= names
    assert {choice.name for choice in Space().everything()} == {
        choice.name for choice in Space().choices(ModelSpec())
    }


def test_another_operator_leaves_what_only_one_has() -> None:
    space = Space(model=ModelSpec(operator="gat", heads=4), operators=("gat", "gcn"))
    assert {model.heads for model in space.models()} == {4, None}


def test_a_space_survives_json() -> None:
    assert loads(Space, canonical(SHAPES)) == SHAPES
    assert canonical(Space()) == "{}"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"widths": ()}, "widths"),
        ({"widths": (8, 9)}, "widths"),
        ({"widths": (1,)}, "widths"),
        ({"scheme": "bi-gcn"}, "scheme"),
        ({"widths": (8, 8)}, "widths"),
        ({"widths": (32,), "degrees": (4,)}, "widths"),
        ({"degrees": (0,)}, "degrees"),
        ({"degrees": (4, 4)}, "degrees"),
        ({"degrees": (8, 4)}, "degrees"),
        ({"degrees": [4]}, "degrees"),
        ({"degrees": tuple(range(1, 20))}, "degrees"),
        ({"scheme": "sgquant"}, "scheme"),
        ({"scheme": "ptq"}, "scheme"),
        ({"hidden": (16, 0)}, "hidden"),
        ({"operators": ("gat",), "hidden": (12,)}, "hidden"),
        ({"layers": [2]}, "layers"),
        ({"protection": 0.1}, "protection"),
        ({"training": None}, "training"),
    ],
)
def test_invalid_fields_are_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(SpecError) as error:
        Space(**given)
    assert error.value.field.startswith(field)


def test_a_run_of_elsewhere_is_none_of_the_space() -> None:
    spec = Space().spec(first)
    with pytest.raises(SpecError, match=r"0\.input: got 16"):
        Space().chosen(Space(widths=(16,)).spec(first))
    with pytest.raises(SpecError, match="a run of the space"):
        Space(training=TrainingSpec(epochs=3)).chosen(spec)
    assert {field.name for field in fields(Space)} >= set(FIELDS)


def test_a_space_of_too_many_shapes_is_refused_before_they_are_looked_at() -> None:
    with pytest.raises(SpecError, match="at most 10,000"):
        Space(hidden=tuple(range(1, 4097)), layers=tuple(range(2, 65)))


def test_one_bit_is_chosen_where_it_is_accepted() -> None:
    space = Space(model=ModelSpec(operator="gin", pool="sum"), widths=(8, 2, 1), scheme="ternary")
    options = {choice.name: choice.widths for choice in space.choices(space.model)}
    assert {width for name, width in options.items() if name.endswith("weight")} == {(8, 2, 1)}
    assert (options["0.input"], options["2.input"]) == ((8, 2, 1), (8, 2))
    assert options["0.message"] == (8, 2)
    narrow = space.spec(lambda choice: choice.options[1])
    assert all(quant.weight.ternary for quant in narrow.quant)
    narrowest = space.spec(lambda choice: choice.options[-1])
    assert space.chosen(narrowest)["0.weight"] == 1
