"""How recipes and numbers read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from engine.spec import (
    GraphSpec,
    LayerSpec,
    ModelSpec,
    Operator,
    OwnModel,
    Protection,
    scheme,
)
from explorer.captions import (
    OPERATORS,
    duration,
    family_title,
    graph_title,
    latency,
    model_title,
    percent,
    points,
    recipe_title,
    scheme_title,
    size,
)
from explorer.widths import with_bits

DQ4 = scheme("degree-quant", bits=4)


@pytest.mark.parametrize(
    ("recipe", "title", "family"),
    [
        (scheme("float"), "FP32", "FP32"),
        (DQ4, "Degree-Quant 4", "Degree-Quant"),
        (scheme("degree-quant", bits=2), "Degree-Quant 2", "Degree-Quant"),
        (scheme("qat", bits=6), "INT6", "QAT"),
        (scheme("ptq", bits=8), "Min/max INT8", "Post-training"),
        (
            replace(DQ4, protection=Protection(p_min=0.1, p_max=0.2)),
            "Degree-Quant 4, p 0.1 to 0.2",
            "Degree-Quant",
        ),
        (
            with_bits(DQ4, range(1), "message", 8, "degree-quant"),
            "Own widths, 4 to 8 bits",
            "Degree-Quant",
        ),
    ],
)
def test_schemes(recipe, title: str, family: str) -> None:
    assert scheme_title(recipe) == title
    assert family_title(recipe) == family


def test_a_recipe_in_a_line() -> None:
    recipe = scheme("qat", bits=8, graph=GraphSpec(name="own:" + "0123456789" * 6 + "abcd"), seed=3)
    assert recipe_title(recipe) == "INT8 · own graph 012345 · GCN 2×16 · retrained · seed 3"
    assert graph_title(GraphSpec(name="Cora")) == "Cora"
    assert graph_title(GraphSpec(name="Cora", split="large")) == "Cora, 60 : 20 : 20"
    assert graph_title(GraphSpec(name="MUTAG")) == "MUTAG, fold 0"
    assert graph_title(GraphSpec(name="PROTEINS", fold=3)) == "PROTEINS, fold 3"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "GCN 2×16"),
        ({"operator": "gat"}, "GAT 2×16, 8 heads"),
        ({"operator": "gat", "heads": 1, "activation": "relu"}, "GAT 2×16, 1 head, ReLU"),
        ({"operator": "gin", "layers": 5}, "GIN 5×16"),
        ({"operator": "gin", "batch_norm": False}, "GIN 2×16, no batch norm"),
        ({"operator": "sage", "aggregation": "max"}, "GraphSAGE 2×16, max"),
        ({"batch_norm": True, "residual": True}, "GCN 2×16, batch norm, residual"),
        ({"activation": "none"}, "GCN 2×16, no activation"),
        ({"operator": "gin", "pool": "sum"}, "GIN 2×16, sum pool"),
    ],
)
def test_networks(fields: dict[str, Any], text: str) -> None:
    assert model_title(scheme("float", model=ModelSpec(**fields))) == text


def test_an_own_model_is_called_by_its_digest() -> None:
    layer = LayerSpec(operator="gcn", inputs=3, outputs=2)
    own = OwnModel(name=f"own:{'0a' * 32}", layers=(layer,))
    assert model_title(scheme("float", model=own)) == "own model 0a0a0a, 1 layer"


@pytest.mark.parametrize("operator", get_args(Operator))
def test_every_operator_has_a_name(operator: Operator) -> None:
    recipe = scheme("degree-quant", bits=3, model=ModelSpec(operator=operator))
    assert OPERATORS[operator] in recipe_title(recipe)
    assert scheme_title(recipe) == "Degree-Quant 3"


@pytest.mark.parametrize(
    ("bytes_", "text"),
    [(0, "0 B"), (999, "999 B"), (4840, "4.84 kB"), (2.5e6, "2.5 MB"), (3e9, "3 GB")],
)
def test_sizes(bytes_: float, text: str) -> None:
    assert size(bytes_) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (41, "41 s"), (120, "2 min"), (7200, "2.0 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_shares() -> None:
    assert (percent(0.9614), points(-0.0071), points(0.001)) == ("96.1 %", "−0.7", "+0.1")


def test_latencies_have_the_unit_that_suits_them() -> None:
    assert latency(0.3784) == "378 µs"
    assert latency(1) == "1 ms"
    assert latency(23.456) == "23.5 ms"
    assert latency(1234.0) == "1.23 s"
