"""Layers normalised over the nodes are composed as their equations say."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest

from engine.integer import NUMPY, bind, program_of, read, write
from engine.spec import DiffGroupNorm, LayerSpec, ModelSpec, PairNorm, SpecError

NORMALIZATIONS = [PairNorm(scale=2.0), PairNorm(by_node=True), DiffGroupNorm(groups=3, weight=0.5)]


@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_float_program_is_the_equation(case: Callable, how) -> None:
    model = ModelSpec(layers=2, hidden=4, normalization=how, activation="elu")
    drawn = case(3, model=model, nodes=15, edges=40)
    trace = drawn.bind(drawn.reference).trace()
    x = trace.real(0, "output").astype(np.float64)
    if isinstance(how, PairNorm):
        centred = x - x.mean(axis=0)
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        if how.by_node:
            wanted = how.scale * centred / (1e-5 + lengths)
        else:
            wanted = how.scale * centred / np.sqrt(1e-5 + (lengths**2).mean())
    else:
        held = {
            name: drawn.reference.constants[0, name]
            for name in model.layer_specs(1, 1)[0].constants
        }
        logits = x @ held["group_weight"]
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        wanted = x + how.weight * x * (share @ held["group_gain"]) + held["group_bias"]
    normalized = trace.real(0, "normalized")
    np.testing.assert_allclose(normalized, wanted, rtol=1e-4, atol=1e-6)
    entered = np.where(wanted > 0, wanted, np.expm1(wanted))
    np.testing.assert_allclose(trace.real(1, "input"), entered, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("how", NORMALIZATIONS)
@pytest.mark.parametrize("widths", [(2,), (4, 8), (3, 8, 32)])
def test_every_slot_equals_the_twins(case: Callable, how, widths: tuple[int, ...]) -> None:
    model = ModelSpec(layers=4, hidden=5, normalization=how, residual=True)
    for seed in range(3):
        drawn = case(seed, model=model)
        plan = drawn.bind(drawn.random_program(widths))
        found, wanted = plan.trace(), plan.trace(NUMPY)
        for layer, spec in enumerate(plan.program.layers):
            for slot in spec.slots:
                codes = wanted.codes(layer, slot)
                np.testing.assert_array_equal(found.codes(layer, slot), codes)
        for _ in range(2):
            np.testing.assert_array_equal(plan.run(), wanted.scores)


@pytest.mark.parametrize("how", NORMALIZATIONS)
def test_a_program_survives_its_file(case: Callable, how) -> None:
    drawn = case(4, model=ModelSpec(layers=3, hidden=5, normalization=how))
    program = drawn.random_program((2, 8))
    file = BytesIO()
    write(program, file)
    again = read(file)
    assert again.layers == program.layers
    held = bind(again, drawn.neighbourhoods, drawn.x).run()
    np.testing.assert_array_equal(held, drawn.bind(program).run())


def test_only_the_softmax_is_in_float(case: Callable) -> None:
    for how, stages in ((NORMALIZATIONS[0], []), (NORMALIZATIONS[2], ["0.group_share"])):
        drawn = case(4, model=ModelSpec(hidden=5, normalization=how))
        assert drawn.random_program((4,)).float_stages == stages


def test_scores_are_not_normalised() -> None:
    last = LayerSpec(operator="gcn", inputs=2, outputs=2, normalization=PairNorm())
    with pytest.raises(SpecError, match=r"layers\[0\]\.normalization"):
        program_of([last], {}, {})
