"""One number of an aggregation: equal to the integer program's at every node, in each operator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.analysis import Study
from engine.analysis.arithmetic import aggregations, arithmetic
from engine.graphs import Graph
from engine.spec import FP32, LayerQuant, ModelSpec, SpecError, parse_buckets, scheme, vary


def widths(model: ModelSpec, bits: int, **own: Any) -> tuple[LayerQuant, ...]:
    return tuple(replace(layer, **own) for layer in scheme("ptq", bits=bits, model=model).quant)


NETWORKS: dict[str, ModelSpec] = {
    "gcn": ModelSpec(hidden=6),
    "gin": ModelSpec(operator="gin", hidden=6),
    "sage": ModelSpec(operator="sage", hidden=6),
    "sage-max": ModelSpec(operator="sage", aggregation="max", hidden=6),
    "gat": ModelSpec(operator="gat", hidden=8),
    "appnp": ModelSpec(operator="appnp", hidden=6, steps=3),
    "elastic": ModelSpec(operator="elastic", hidden=6, steps=3),
    "smp": ModelSpec(operator="smp", hidden=6, steps=3),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("bits", [8, 3])
def test_every_number_is_the_integer_programs(
    name: str, bits: int, karate: Graph, float_program: Any
) -> None:
    model = NETWORKS[name]
    study = Study(karate, float_program(karate, model))
    analysis = study.preview(widths(model, bits))
    told = 0
    for layer in range(study.layers):
        for slot in aggregations(analysis, layer):
            codes = analysis.trace.codes(layer, slot)
            for node in (0, 5, 11, 33):
                for channel in (0, analysis.plan.shapes[layer, slot][1] - 1):
                    one = arithmetic(analysis, (layer, slot), node, channel)
                    assert one.code == (None if codes is None else codes[node, channel])
                    gathered = one.messages.exact
                    total = gathered.max() if one.how == "max" else gathered.sum()
                    total += sum(own.exact for own in one.own)
                    assert total == pytest.approx(one.exact, rel=1e-4, abs=1e-5)
                    assert abs(one.accumulator) <= one.bound * (1 + 1e-12)
                    told += 1
    assert told >= 8


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "elastic"])
def test_every_number_has_the_width_of_its_in_degree(
    name: str, karate: Graph, float_program: Any
) -> None:
    model = NETWORKS[name]
    study = Study(karate, float_program(karate, model))
    spec = vary(scheme("ptq", bits=6, model=model), buckets=parse_buckets("3:4, 6:2"))
    analysis = study.preview(spec.quant)
    nested = set()
    for layer in range(study.layers):
        for slot in aggregations(analysis, layer):
            codes = analysis.trace.codes(layer, slot)
            if codes is None:
                continue
            for node in range(34):
                one = arithmetic(analysis, (layer, slot), node, 0)
                assert one.code == codes[node, 0]
                nested.add(one.nested.bits if one.nested else None)
    assert nested == {None, 4, 2}


def test_a_norm_in_float_multiplies_the_exact_sum(karate: Graph, float_program: Any) -> None:
    model = NETWORKS["gcn"]
    analysis = Study(karate, float_program(karate, model)).preview(widths(model, 4, norm=FP32))
    codes = analysis.trace.codes(0, "aggregate")
    assert codes is not None
    for node in range(34):
        one = arithmetic(analysis, (0, "aggregate"), node, 2)
        assert one.norm != 1.0
        assert one.code == codes[node, 2]


def test_weighted_edges_are_multiplied_by_their_codes(karate: Graph, float_program: Any) -> None:
    rng = np.random.default_rng(0)
    weight = rng.uniform(0.1, 2, karate.edges).astype(np.float32)
    graph = replace(karate, edge_weight=weight)
    model = NETWORKS["gcn"]
    analysis = Study(graph, float_program(graph, model)).preview(widths(model, 5))
    codes = analysis.trace.codes(1, "aggregate")
    assert codes is not None
    for node in range(34):
        one = arithmetic(analysis, (1, "aggregate"), node, 0)
        assert one.code == codes[node, 0]
        assert one.messages.exact.sum() == pytest.approx(one.exact, rel=1e-4, abs=1e-5)
    assert one.messages.weight.max() > 1


def test_what_is_in_float_has_no_arithmetic(karate: Graph, float_program: Any) -> None:
    model = NETWORKS["gcn"]
    analysis = Study(karate, float_program(karate, model)).preview(widths(model, 4, message=FP32))
    assert aggregations(analysis, 0) == ()
    with pytest.raises(SpecError, match="slot"):
        arithmetic(analysis, (0, "aggregate"), 0, 0)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (((7, "aggregate"), 0, 0), "layer"),
        (((0, "weight"), 0, 0), "slot"),
        (((0, "aggregate"), 34, 0), "node"),
        (((0, "aggregate"), 0, -1), "channel"),
    ],
)
def test_each_wrong_argument_is_named(
    karate: Graph, float_program: Any, arguments: Any, field: str
) -> None:
    model = NETWORKS["gcn"]
    analysis = Study(karate, float_program(karate, model)).preview(widths(model, 4))
    with pytest.raises(SpecError) as caught:
        arithmetic(analysis, *arguments)
    assert caught.value.field == field
