"""The charts, one a file: plain arrays in, a Plotly figure with its summary and its table out."""

from __future__ import annotations
