"""A published folder under load, as `graphbits bench visitors` puts it."""

from __future__ import annotations

from explorer.load.page import MEGABYTE, PAUSE_S, LoadFailed, Page
from explorer.load.visits import CHANGES, load

__all__ = ["CHANGES", "MEGABYTE", "PAUSE_S", "LoadFailed", "Page", "load"]
