"""graphbits' engine: low-precision graph neural networks, learned in PyTorch and run in integers."""

from __future__ import annotations
