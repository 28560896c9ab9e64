"""Which settings of two recipes differ: the least that says it, neighbouring layers together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.spec import GraphSpec, scheme
from explorer.differences import differences
from explorer.edits import with_model, with_preset, with_protection, with_training
from explorer.rules import with_ranges
from explorer.widths import with_bits

DQ4 = with_model(scheme("degree-quant", bits=4), layers=4)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (DQ4, []),
        (replace(DQ4, seed=3), ["seed: 0 → 3"]),
        (replace(DQ4, graph=GraphSpec(name="Cora")), ["graph: digits-knn → Cora"]),
        (with_preset(DQ4, "INT8"), ["preset: Degree-Quant 4 → INT8"]),
        (
            with_bits(DQ4, range(1, 3), "message", 2, "degree-quant"),
            ["message 2–3: 4 bits → 2 bits"],
        ),
        (with_bits(DQ4, range(1), "norm", 32, "degree-quant"), ["norm 1: 4 bits → float"]),
        (with_protection(DQ4, p_max=0.2), ["protection p max: 0.1 → 0.2"]),
        (with_training(DQ4, epochs=20), ["training epochs: 200 → 20"]),
        (
            with_model(DQ4, layers=3),
            ["layers: 4 → 3"],
        ),
        (with_model(DQ4, batch_norm=True), ["batch norm: usual → on"]),
    ],
)
def test_what_differs_in_words(other, said: list[str]) -> None:
    assert [str(found) for found in differences(DQ4, other)] == said


def test_rules_count_where_the_widths_are_the_same() -> None:
    other = with_ranges(with_bits(DQ4, range(1), "message", 8, "qat"), "ptq")
    found = [
        each.what for each in differences(with_bits(DQ4, range(1), "message", 8, "qat"), other)
    ]
    assert "message 2–4 range" in found
    assert "weight 1–4 gradient" in found
