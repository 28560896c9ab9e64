"""Loops over packed codes: one kernel a file, each beside its slow NumPy twin in one table."""

from __future__ import annotations
