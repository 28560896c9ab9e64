"""What a quantized program does to every node of a graph; torch-free."""

from __future__ import annotations

from engine.analysis.arithmetic import Arithmetic, aggregations, arithmetic
from engine.analysis.study import (
    PROGRAM,
    REFERENCE,
    Analysis,
    Kind,
    Measure,
    Mode,
    Study,
    extent,
)

__all__ = [
    "PROGRAM",
    "REFERENCE",
    "Analysis",
    "Arithmetic",
    "Kind",
    "Measure",
    "Mode",
    "Study",
    "aggregations",
    "arithmetic",
    "extent",
]
