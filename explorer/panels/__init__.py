"""The panels of the explorer, one a file; each works alone when given a `State`."""

from __future__ import annotations
