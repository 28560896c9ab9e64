"""A program refuses what no kernel could run."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.affine import QParams, qparams
from engine.integer import IntArray
from engine.spec import FP32, QuantSpec, SpecError

GOOD = qparams(-1, 1, QuantSpec(bits=8))


def test_survives_pickle(case: Callable) -> None:
    drawn = case(0)
    program = drawn.random_program((3, 8))
    again = pickle.loads(pickle.dumps(program))
    np.testing.assert_array_equal(drawn.bind(again).run(), drawn.bind(program).run())


@pytest.mark.parametrize(
    ("params", "field"),
    [
        (QParams(FP32, GOOD.scale, GOOD.zero), "bits"),
        (QParams(GOOD.spec, np.float32([1, 2]), np.int32([0, 0])), "input"),
        (QParams(GOOD.spec, np.array(0, np.float32), GOOD.zero), "scale"),
        (QParams(GOOD.spec, np.array(np.nan, np.float32), GOOD.zero), "scale"),
        (QParams(GOOD.spec, np.array(1, np.float64), GOOD.zero), "scale"),
        (QParams(GOOD.spec, GOOD.scale, np.array(128, np.int32)), "zero"),
        (QParams(GOOD.spec, GOOD.scale, np.array(0, np.int64)), "zero"),
    ],
)
def test_refuses_parameters(case: Callable, params: QParams, field: str) -> None:
    with pytest.raises(SpecError, match=field):
        replace(case(0).reference, params={(0, "input"): params})


@pytest.mark.parametrize("slot", [(9, "input"), (0, "colour"), (0, "edge_weight"), (0, "weight")])
def test_refuses_slots_it_does_not_have(case: Callable, slot: Any) -> None:
    with pytest.raises(SpecError, match=r"0\.input"):
        replace(case(0).reference, params={slot: GOOD})


def test_refuses_channels_of_different_zeros(case: Callable) -> None:
    reference = case(0).reference
    shape = reference.constants[0, "weight"].shape
    spec = QuantSpec(bits=8, granularity="channel")
    zero = np.arange(shape[1] + 1, dtype=np.int32)[1:]
    weight = IntArray.quantize(np.zeros(shape), QParams(spec, np.ones(shape[1], np.float32), zero))
    constants = {**reference.constants, (0, "weight"): weight}
    if shape[1] > 1:
        with pytest.raises(SpecError, match="one zero point"):
            replace(reference, constants=constants)


def test_refuses_weights_that_are_not_finite(case: Callable) -> None:
    reference = case(0).reference
    bias = np.full_like(reference.constants[0, "bias"], np.inf)
    with pytest.raises(SpecError, match=r"0\.bias"):
        replace(reference, constants={**reference.constants, (0, "bias"): bias})


def test_names_its_sizes(case: Callable) -> None:
    program = case(1, features=5).reference
    last = len(program.layers) - 1
    assert program.features == 5
    assert program.classes == program.constants[last, "bias"].size
    assert program.scores == (last, "output")
    assert program.model_bytes == program.float_model_bytes
    assert len(program.float_stages) == 5 * len(program.layers)
