"""Numbers that JSON lacks survive; what cannot be kept is named."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.json import SPELLED, from_json, to_json

texts = st.text().filter(lambda text: text not in SPELLED)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def same(a: Any, b: Any) -> bool:
    """Equal, of equal types, NaN equal to itself."""
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    both_nan = isinstance(a, float) and isinstance(b, float) and a != a and b != b
    return both_nan or (type(a) is type(b) and a == b)


@given(values)
def test_survives_strict_json(value: Any) -> None:
    text = json.dumps(to_json(value, "value"), allow_nan=False)
    assert same(from_json(json.loads(text)), value)


def test_numpy_scalars_and_tuples_become_plain() -> None:
    given = {"a": np.float32(0.5), "b": (np.int64(3), np.bool_(True)), "c": np.float64("nan")}
    data = to_json(given, "value")
    assert data == {"a": 0.5, "b": [3, True], "c": "NaN"}
    assert [type(item) for item in data["b"]] == [int, bool]
    assert math.isnan(from_json(data)["c"])


@pytest.mark.parametrize("value", [np.zeros(3), {1: 2}, b"bytes", {1, 2}, 1j, "NaN", "-Infinity"])
def test_refuses_the_rest_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^metrics\.a\[1\]: got .*accepts"):
        to_json({"a": [0, value]}, "metrics")
