"""What every figure must hold, whatever it shows."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.plot import figure_json

HOSTILE = '<script>alert("x")</script> <a href="y">%{x}</a>'


@pytest.fixture
def seen() -> Callable[[go.Figure], dict[str, Any]]:
    """Return ``seen(figure)``: what the browser gets, arrays unpacked, once checked."""

    def check(figure: go.Figure) -> dict[str, Any]:
        data = figure_json(figure)
        json.dumps(data, allow_nan=False)
        meta = figure.layout.meta
        assert meta["summary"].strip().endswith((".", "!", "?"))
        json.dumps(meta, allow_nan=False)
        content = meta["table"]
        for row in content.get("rows", []):
            assert len(row) == len(content["columns"])
        assert len(content.get("keys", [])) in (0, len(content.get("rows", [])))
        for string in _strings(data["data"]), _strings(data["layout"]):
            assert not any("<script" in text or "<a " in text for text in string)
        assert data["layout"]["title"]["text"]
        for trace in data["data"]:
            # Plotly fills %{…} in templates: people's names may only stand in plain text.
            assert "script" not in str(trace.get("hovertemplate", ""))
            assert "script" not in str(trace.get("texttemplate", ""))
        return _unpacked(data)

    return check


def _strings(value: Any) -> Iterator[str]:
    """Yield all text in JSON data but for names that Plotly only compares."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            if name not in ("uirevision", "legendgroup"):
                yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and "bdata" in value:
        return np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"]).tolist()
    if isinstance(value, dict):
        return {name: _unpacked(item) for name, item in value.items()}
    return [_unpacked(item) for item in value] if isinstance(value, list) else value
