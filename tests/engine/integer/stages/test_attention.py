"""Attention's softmax is exact to float64, and is rounded from it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.affine import QParams
from engine.graphs import Neighbourhoods, Neighbours
from engine.integer import NUMBA, NUMPY, Kernels
from engine.integer.stages.attention import Softmax
from engine.integer.stages.stage import Scope
from engine.spec import QuantSpec

LOGIT, COEFFICIENT = (0, "logit"), (0, "coefficient")
TWO = Neighbours(np.array([0, 2, 3]), np.array([0, 1, 1], np.int32), None, None)
"""The first of two nodes sees both, the second itself."""


def bound(monkeypatch: pytest.MonkeyPatch, params: dict, slope: float = 0.2) -> object:
    around = object.__new__(Neighbourhoods)
    monkeypatch.setattr(Neighbourhoods, "of", lambda *_: TWO)
    scope = Scope(around, params, {}, {LOGIT: (2, 2)}, {})
    return Softmax(COEFFICIENT, LOGIT, 1, slope).bind(scope)


@pytest.mark.parametrize("kernels", [NUMBA, NUMPY])
def test_shares_are_rounded_from_float64(monkeypatch: pytest.MonkeyPatch, kernels: Kernels) -> None:
    """As float32 both shares would be ties, 1.5 and 2.5 steps, and both would become 2."""
    other = np.float32(np.log(5 / 3))
    share = 1 / (1 + np.exp(np.float64(other)))
    assert share < 0.375 == np.float32(share)
    logit = np.float32([[0, 0], [other, 0]])
    spec = QuantSpec(bits=4, signed=False)
    params = QParams(spec, np.array(0.25, np.float32), np.array(0, np.int32))
    step = bound(monkeypatch, {COEFFICIENT: params})
    held = step.run({LOGIT: logit}, kernels)
    assert held.codes().ravel().tolist() == [1, 3, 4]
    assert (step.shape, step.proof) == ((3, 1), None)


def test_logits_far_apart_do_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    step = bound(monkeypatch, {})
    logit = np.float32([[1e4, 1e4], [-3e38, 0]])
    assert step.run({LOGIT: logit}, NUMPY).ravel().tolist() == [1, 0, 1]


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
def test_slope(monkeypatch: pytest.MonkeyPatch, slope: float) -> None:
    step = bound(monkeypatch, {}, slope)
    held = step.run({LOGIT: np.float32([[-2, 1], [2, 0]])}, NUMPY)
    scores = np.exp([-1 * slope, 3.0])
    np.testing.assert_allclose(held.ravel(), [*scores / scores.sum(), 1], rtol=1e-6)
