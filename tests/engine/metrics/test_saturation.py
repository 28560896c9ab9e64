"""Saturation: against plain loops at every width, both signs, with and without a zero point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.metrics.saturation import saturation
from engine.spec import WIDTHS, QuantSpec

SPECS = [
    QuantSpec(bits=bits, signed=signed) for bits in WIDTHS if bits < 32 for signed in (False, True)
]


@given(spec=st.sampled_from(SPECS), data=st.data())
def test_equals_loops(spec, data) -> None:
    code = st.sampled_from([spec.qmin, spec.qmax]) | st.integers(spec.qmin, spec.qmax)
    shape = data.draw(st.tuples(st.integers(0, 4), st.integers(1, 5)))
    codes = data.draw(arrays(np.int32, shape, elements=code))
    zero = data.draw(st.none() | code)
    slow = [sum(c in (spec.qmin, spec.qmax) and c != zero for c in row) / len(row) for row in codes]
    np.testing.assert_allclose(saturation(codes, spec.qmin, spec.qmax, zero), slow)


def test_a_node_without_codes_is_not_saturated() -> None:
    assert saturation(np.zeros((2, 0), dtype=np.int8), -8, 7).tolist() == [0, 0]


def test_refuses() -> None:
    with pytest.raises(ValueError, match="codes run from 0 to 3; got some from 1 to 4"):
        saturation(np.array([[1, 4]]), 0, 3)
    with pytest.raises(ValueError, match="codes are integers"):
        saturation(np.zeros((1, 1)), 0, 3)
    with pytest.raises(ValueError, match="codes are integers"):
        saturation(np.zeros(3, dtype=np.int8), 0, 3)
