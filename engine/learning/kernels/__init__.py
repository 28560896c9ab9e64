"""The passes over memory that a training step on the CPU is made of, each a plain loop in Numba."""

from __future__ import annotations
