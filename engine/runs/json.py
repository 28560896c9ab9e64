"""Metrics and epoch records as strict JSON: NaN and the infinities survive, spelled as strings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

SPELLED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
"""How a number that JSON lacks is written; a string that reads the same is refused."""


def to_json(value: Any, name: str) -> Any:
    """Return numbers, strings, None, lists and dictionaries of them as strict JSON data.

    Args:
        value: The value; NumPy scalars count as numbers, tuples as lists.
        name: What the value is called in an error.

    Raises:
        ValueError: Naming the entry that is something else.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str) and value not in SPELLED:
        return str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple):
        return [to_json(item, f"{name}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(inner, str) for inner in value):
        return {inner: to_json(item, f"{name}.{inner}") for inner, item in value.items()}
    got = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
    raise ValueError(
        f"{name}: got {got}, accepts numbers, strings other than {', '.join(SPELLED)}, None, and "
        "lists and string-keyed dictionaries of them; an ndarray belongs in the run's arrays"
    )


def from_json(data: Any) -> Any:
    """Return JSON data with its spelled numbers back as floats."""
    if isinstance(data, str):
        return SPELLED.get(data, data)
    if isinstance(data, list):
        return [from_json(item) for item in data]
    if isinstance(data, dict):
        return {name: from_json(item) for name, item in data.items()}
    return data
