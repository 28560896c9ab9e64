"""Float32 forwards of a network, written as well as torch allows: what integer speed is against."""

from __future__ import annotations

from engine.peers.best import torch_best
from engine.peers.chosen import chosen
from engine.peers.pyg import pyg_default
from engine.peers.timing import median_ms

__all__ = ["chosen", "median_ms", "pyg_default", "torch_best"]
