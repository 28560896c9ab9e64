"""Operators, each one file: a composition of stages and a constructor of programs."""

from __future__ import annotations
