"""Benchmarks: ratios measured in one process, in turn, against the strongest peer."""

from __future__ import annotations
