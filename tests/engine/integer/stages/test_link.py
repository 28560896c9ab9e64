"""A link is what its stage does, tried on all codes, or there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.affine import FURTHEST, QParams, quantize
from engine.integer.kernels.operands import CodeTarget
from engine.integer.stages.link import ElementWise, ends, truncation
from engine.integer.stages.stage import Ending
from engine.spec import QuantSpec


def params(bits: int, zero: int, signed: bool = False) -> QParams:
    return QParams(QuantSpec(bits=bits, signed=signed), np.float32(1), np.int32(zero))


def stage(source: QParams, made: QParams, function: Any, gain: float, **limits: float) -> Any:
    """Return a stage of two columns that makes codes by a function of codes less that of zero."""

    def run(words: Any, target: CodeTarget) -> None:
        low, high = ends(made)
        codes = np.clip(np.rint(function(words.astype(float) + ends(source)[0])), low, high)
        target.words[:] = codes - low

    return ElementWise(source, made, np.full(2, gain), np.ones(1), run, **limits)


def test_by_column() -> None:
    link = stage(params(8, 100), params(4, 7), lambda v: 0.043 * v - 0.9, 0.043).by_column()
    assert link is not None
    assert link.params.spec.bits == 4
    np.testing.assert_array_equal(link.chain.limits, [[-np.inf, -7, 8]])
    assert link.chain.rows.size == 0
    gain, offset = link.chain.columns[0]
    codes = np.arange(-100, 156)[:, None]
    got = np.rint(np.clip(codes.astype(np.float32) * gain + offset, np.float32(-7), np.float32(8)))
    expected = np.clip(np.rint(0.043 * codes - 0.9), -7, 8)
    np.testing.assert_array_equal(got, np.repeat(expected, 2, axis=1))


def test_by_row() -> None:
    each = stage(params(4, 0), params(4, 0), lambda v: v * [0.5, 2], 1.0)
    link = replace(each, gain=np.array([0.5, 2.0])).by_row(np.array([1, 0, 1]))
    assert link is not None
    np.testing.assert_array_equal(link.chain.rows[:, 0], [2, 0.5, 2])
    assert link.chain.columns.size == 0


def test_a_relu_before_and_after() -> None:
    before = stage(
        params(8, 128), params(8, 9), lambda v: np.maximum(v, 0) * 0.71 - 4.3, 0.71, least=0
    )
    after = stage(
        params(8, 128), params(8, 9), lambda v: np.maximum(v * 0.71 - 4.3, 0), 0.71, low=0
    )
    for each, limits in ((before, [0, -9, 246]), (after, [-np.inf, 0, 246])):
        link = each.by_column()
        assert link is not None
        np.testing.assert_array_equal(link.chain.limits, [limits])


def test_none() -> None:
    curved = stage(params(8, 128), params(8, 128), lambda v: np.expm1(v / 128) * 128, 1.0)
    assert curved.by_column() is None
    assert curved.by_row(np.zeros(3, int)) is None
    assert stage(params(16, 0), params(8, 0), lambda v: v, 1.0).by_column() is None


@pytest.mark.parametrize("zero", [7, 8])
def test_ties_stay_even(zero: int) -> None:
    link = stage(params(4, 8), params(4, zero), lambda v: v / 2, 0.5).by_column()
    assert link is not None
    np.testing.assert_array_equal(link.chain.columns[0], [[0.5, 0.5], [0, 0]])


@pytest.mark.parametrize("zero", range(-2, 2))
def test_codes_are_truncated_as_by_the_affine_map(zero: int) -> None:
    spec = QuantSpec(bits=2, truncation="skewed")
    for shift in range(-FURTHEST, FURTHEST + 1):
        held = QParams(spec, np.array(0.3, np.float32), np.int32(zero), shift)
        link = truncation(held, 3)
        low, high = ends(held.first)
        codes = np.arange(low, high + 1)
        gain, offset = link.chain.columns[0]
        _, least, most = link.chain.limits[0]
        moved = codes[:, None].astype(np.float32) * gain + offset
        got = np.rint(np.clip(moved, least, most)) + zero
        expected = quantize(codes * held.first.scale.astype(np.float64), held)
        np.testing.assert_array_equal(got, np.repeat(expected[:, None], 3, axis=1))


def test_a_stage_that_makes_truncated_codes_is_no_link() -> None:
    spec = QuantSpec(bits=2, truncation="plain")
    made = QParams(spec, np.float32(1), np.int32(0))
    assert stage(params(4, 3), made, lambda v: v, 1.0).by_column() is None


def test_an_ending_takes_one_link_by_row_and_first() -> None:
    def identity(bits: int) -> Any:
        return stage(params(bits, 0), params(bits, 0), lambda v: v, 1.0)

    row, column = identity(4).by_row(np.zeros(5, int)), identity(4).by_column()
    ending = Ending(params(4, 3), np.ones(2))
    assert ending.takes(row)
    assert ending.takes(column)
    assert not ending.then(row).takes(row)
    assert not ending.then(column).takes(row)
    assert not Ending(None, np.ones(2, np.float32)).takes(column)
    assert not Ending(params(16, 3), np.ones(2)).takes(column)
    chain = ending.then(row).then(column).then(column).chain
    np.testing.assert_array_equal(chain.limits[:, 1:], [[-3, 12], [0, 15], [0, 15], [0, 15]])
    assert chain.rows.shape == (5, 2)
    assert chain.columns.shape == (2, 2, 2)
