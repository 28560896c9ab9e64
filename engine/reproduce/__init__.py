"""Published studies, done again in integers: which runs they take, and the tables they give."""

from __future__ import annotations

from engine.reproduce.degree_quant import degree_quant
from engine.reproduce.smoothness import smoothness
from engine.reproduce.study import Cell, Row, Study, row_of
from engine.reproduce.tables import to_json, to_markdown

STUDIES = {"degree-quant": degree_quant, "smoothness": smoothness}
"""What can be reproduced, by name."""

__all__ = [
    "STUDIES",
    "Cell",
    "Row",
    "Study",
    "degree_quant",
    "row_of",
    "smoothness",
    "to_json",
    "to_markdown",
]
