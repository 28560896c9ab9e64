"""Whole programs that end in a propagation: every slot in both tables, layer by layer, in files."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import NUMPY, assemble, bind, program_of, read, write
from engine.spec import LayerSpec, ModelSpec, SpecError

OPERATORS = ("appnp", "elastic", "smp")


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    operator=st.sampled_from(OPERATORS),
    steps=st.integers(1, 4),
    widths=st.sampled_from([(2,), (4,), (8,), (2, 3, 4, 5, 6, 7, 8)]),
)
def test_every_slot_equals_the_twins(
    case: Callable, seed: int, operator: str, steps: int, widths: tuple[int, ...]
) -> None:
    model = ModelSpec(operator=operator, layers=1 + seed % 2, hidden=5, steps=steps)
    drawn = case(seed, model=model)
    plan = drawn.bind(drawn.random_program(widths))
    found, wanted = plan.trace(), plan.trace(NUMPY)
    for layer, spec in enumerate(plan.program.layers):
        for slot in spec.slots:
            codes = wanted.codes(layer, slot)
            np.testing.assert_array_equal(found.codes(layer, slot), codes)
    np.testing.assert_array_equal(plan.run(), wanted.scores)


@pytest.mark.parametrize("operator", OPERATORS)
def test_64_steps_with_some_slots_in_float(case: Callable, operator: str) -> None:
    drawn = case(9, model=ModelSpec(operator=operator, hidden=5, steps=64), nodes=25)
    for widths in ((2,), (4, 8, 32)):
        plan = drawn.bind(drawn.random_program(widths))
        scores = plan.run()
        assert np.isfinite(scores).all()
        np.testing.assert_array_equal(scores, plan.run(NUMPY))


@pytest.mark.parametrize("operator", OPERATORS)
def test_one_step_alone(case: Callable, operator: str) -> None:
    drawn = case(7, model=ModelSpec(operator=operator, hidden=5, steps=3), sparse=False)
    plan = drawn.bind(drawn.random_program((4,)))
    whole = plan.trace()
    for layer, spec in enumerate(plan.program.layers):
        entries = plan.entries(layer)
        assert spec.entry(layer) in entries
        if spec.propagates:
            assert spec.anchor(layer) in entries
        own = plan.run_layer(layer, {slot: whole.real(*slot) for slot in entries})
        for slot in spec.slots:
            np.testing.assert_array_equal(own.codes(layer, slot), whole.codes(layer, slot))


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_program_survives_its_file(case: Callable, operator: str) -> None:
    drawn = case(4, model=ModelSpec(operator=operator, hidden=5, steps=3))
    program = drawn.random_program((2, 8))
    file = BytesIO()
    write(program, file)
    again = read(file)
    assert again.layers == program.layers
    held = bind(again, drawn.neighbourhoods, drawn.x).run()
    np.testing.assert_array_equal(held, drawn.bind(program).run())


@pytest.mark.parametrize("operator", OPERATORS)
def test_edge_weights_are_refused(case: Callable, operator: str) -> None:
    drawn = case(4, model=ModelSpec(operator=operator, steps=2), weighted=True, edges=20)
    with pytest.raises(SpecError, match=f"one without, for {operator}"):
        drawn.bind(drawn.reference)


def step(number: int, of: int = 2, operator: str = "appnp") -> LayerSpec:
    return LayerSpec(operator=operator, inputs=3, outputs=3, step=number, steps=of)  # type: ignore[arg-type]


LINEAR = LayerSpec(operator="linear", inputs=3, outputs=3)


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([step(1, 1)], "layers[0]"),
        ([LINEAR, step(2)], "layers[1]"),
        ([LINEAR, step(1), LINEAR], "layers[1]"),
        ([LINEAR, step(1), step(1)], "layers[2]"),
        ([LINEAR, step(1), step(2, operator="smp")], "layers[2]"),
        ([LINEAR, step(1)], "layers"),
        (
            [LayerSpec(operator="linear", inputs=3, outputs=3, activation="relu"), step(1, 1)],
            "layers[0].activation",
        ),
    ],
)
def test_steps_are_one_whole_propagation(layers: list[LayerSpec], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        assemble(layers, {}, {})
    assert caught.value.field == field


def test_a_step_learns_nothing_but_smp_keeps_a_multiplier() -> None:
    constants = {(0, "weight"): np.eye(3), (0, "bias"): np.zeros(3)}
    assert program_of([LINEAR, step(1, 1)], constants, {}).classes == 3
    with pytest.raises(SpecError, match=r"layers\[1\].multiplier: got 'nothing'"):
        program_of([LINEAR, step(1, 1, "smp")], constants, {})
