"""The explorer: one object, `Explorer`, for JupyterLab and for Voila."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.app import Explorer

__all__ = ["Explorer"]


def __getattr__(name: str) -> Any:
    """Load the explorer, and with it Plotly and the widgets, only when it is asked for."""
    if name == "Explorer":
        from explorer.app import Explorer

        return Explorer
    raise AttributeError(f"module 'explorer' has no attribute {name!r}")
