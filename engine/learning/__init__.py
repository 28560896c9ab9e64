"""The torch wing: quantizers, protection, layers, networks, training."""

from __future__ import annotations
