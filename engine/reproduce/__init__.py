"""Published studies, done again in integers: which runs they take, and the tables they give."""

from __future__ import annotations

from engine.reproduce.defaults import defaults
from engine.reproduce.degree_quant import degree_quant
from engine.reproduce.kept import TableError, kept_rows, kept_standings
from engine.reproduce.lpgnas import lpgnas
from engine.reproduce.race import Entrant, Race, Searched, Spread, Standing, runs_again
from engine.reproduce.race_tables import race_to_json, race_to_markdown
from engine.reproduce.smoothness import smoothness
from engine.reproduce.study import Cell, Measured, Row, Study
from engine.reproduce.tables import to_json, to_markdown

STUDIES = {"degree-quant": degree_quant, "smoothness": smoothness, "defaults": defaults}
"""What can be reproduced by runs, by name."""

RACES = {"lpgnas": lpgnas}
"""What can be reproduced by searches, by name."""

__all__ = [
    "RACES",
    "STUDIES",
    "Cell",
    "Entrant",
    "Measured",
    "Race",
    "Row",
    "Searched",
    "Spread",
    "Standing",
    "Study",
    "TableError",
    "defaults",
    "degree_quant",
    "kept_rows",
    "kept_standings",
    "lpgnas",
    "race_to_json",
    "race_to_markdown",
    "runs_again",
    "smoothness",
    "to_json",
    "to_markdown",
]
