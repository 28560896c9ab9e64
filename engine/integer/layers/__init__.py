"""Operators, each one file: the stages of a layer, up to what its bias is added to."""

from __future__ import annotations
