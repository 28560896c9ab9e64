"""Which scheme's rules a recipe has."""

from __future__ import annotations

import pytest

from engine.spec import (
    scheme,
)
from explorer.rules import RANGES, ranges_of, with_ranges

DQ4 = scheme("degree-quant", bits=4)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_recognised(name: str) -> None:
    assert ranges_of(with_ranges(DQ4, name)) == name
    widths = [[s.bits for _, s in layer.items()] for layer in with_ranges(DQ4, name).quant]
    assert widths == [[s.bits for _, s in layer.items()] for layer in DQ4.quant]
    assert ranges_of(scheme("float")) is None
