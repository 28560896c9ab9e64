"""The stages an operator is composed of: what each computes, proves and calls."""

from __future__ import annotations
