"""A person's own trained PyTorch Geometric model becomes a network of ours, its weights kept."""

from __future__ import annotations

from engine.conversion.chain import ConversionError
from engine.conversion.kept import keep
from engine.conversion.network import convert, quantize

__all__ = ["ConversionError", "convert", "keep", "quantize"]
