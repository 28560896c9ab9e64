"""What earlier tables hold of a study: rows whose runs need not be run again, nor be at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.reproduce.study import Measured, Row, Study

AGREEMENT = ("max_code_difference", "codes_different", "same_class")
COSTS = ("model_bytes", "latency_ratio", "epoch_ms")


class TableError(ValueError):
    """A file of tables cannot be read, or is of other settings."""


def kept_rows(study: Study, file: Path) -> dict[int, Row]:
    """Return the rows that a file of tables has of a study's cells, by the place of each cell.

    A row may have fewer runs than its cell, or more, where more seeds were asked for.

    Args:
        study: The study.
        file: What `engine.reproduce.to_json` gave, as JSON; there need be none.

    Raises:
        TableError: If the file is something else, or has rows of other settings, which would be
            lost where the study's tables are written.
    """
    try:
        held = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"rows": []}
        written = {_place(row): row for row in held["rows"]}
        rows = {}
        for at, cell in enumerate(study.cells):
            place = cell.heading, cell.model, cell.scheme
            row, keys = written.get(place), {spec.key for spec in cell.runs}
            if row is not None and row["runs"] and _fits(set(row["runs"]), keys):
                del written[place]
                rows[at] = Row(
                    cell=cell,
                    runs=tuple(row["runs"]),
                    measured=tuple(Measured(**of) for of in row.get("measured", ())),
                    accuracy=row["accuracy"]["mean"],
                    sd=row["accuracy"]["sd"],
                    validation=row["accuracy"]["validation"],
                    **{name: row["agreement"][name] for name in AGREEMENT},
                    **{name: row[name] for name in COSTS},
                )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise TableError(f"{file} holds no tables of a study ({what}); move it away") from None
    if written:
        titles = "; ".join(" · ".join(place) for place in written)
        what = "has rows of other settings, which this would write over"
        raise TableError(f"{file} {what}: {titles}. Name another --folder, or move it away")
    return rows


def _place(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["section"], row["model"], row["scheme"]


def _fits(held: set[str], wanted: set[str]) -> bool:
    return held <= wanted or held >= wanted
