"""What visitors saw, put together."""

from __future__ import annotations

from explorer.load.visits import _spread


def test_spread_is_what_it_says() -> None:
    assert _spread([3.0, 1.0, 2.0]) == {"median": 2.0, "p95": 3.0, "most": 3.0}
