"""graphbits' engine: low-precision graph networks, learned in PyTorch, run in integers."""

from __future__ import annotations
