"""What earlier tables hold of a study or a race, which need not be run again, nor be at hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from engine.reproduce.race import Entrant, Race, Searched, Standing
from engine.reproduce.study import Cell, Measured, Row, Study

Asked = TypeVar("Asked")
Told = TypeVar("Told")


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

    def row(cell: Cell, held: dict[str, Any]) -> Row | None:
        measured = tuple(Measured(**of) for of in held["runs"])
        keys = {of.key for of in measured}
        return Row(cell, measured) if _fits(keys, {spec.key for spec in cell.runs}) else None

    places = [(cell.heading, cell.model, cell.scheme) for cell in study.cells]
    return _kept(file, ("section", "model", "scheme"), places, study.cells, row)


def kept_standings(race: Race, file: Path) -> dict[int, Standing]:
    """Return what a file of tables has of a race's entrants, by the place of each entrant.

    A standing may have fewer searches than its entrant, or more, where more seeds were asked for.

    Args:
        race: The race.
        file: What `engine.reproduce.race_to_json` gave, as JSON; there need be none.

    Raises:
        TableError: As `kept_rows` does.
    """

    def standing(entrant: Entrant, held: dict[str, Any]) -> Standing | None:
        searched = tuple(
            Searched(**{**of, "accuracies": tuple(of["accuracies"])}) for of in held["searches"]
        )
        keys, wanted = {of.key for of in searched}, {spec.key for spec in entrant.searches}
        return Standing(entrant=entrant, searched=searched) if _fits(keys, wanted) else None

    places = [(of.graph, of.space, of.method) for of in race.entrants]
    return _kept(file, ("graph", "space", "method"), places, race.entrants, standing)


def _kept(
    file: Path,
    names: tuple[str, ...],
    places: Sequence[tuple[str, ...]],
    asked: Sequence[Asked],
    read: Callable[[Asked, dict[str, Any]], Told | None],
) -> dict[int, Told]:
    """Return what is read of the rows of a file, by the place of what was asked for.

    Args:
        file: Tables as JSON; there need be none.
        names: Fields of a row that say what it is of.
        places: The same of all that was asked for.
        asked: All that was asked for.
        read: Makes of a row what it tells; None where it is of other settings.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"] if file.exists() else []
        written = {tuple(row[name] for name in names): row for row in rows}
        kept: dict[int, Told] = {}
        for at, (place, one) in enumerate(zip(places, asked, strict=True)):
            told = read(one, written[place]) if place in written else None
            if told is not None:
                kept[at] = told
                del written[place]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise TableError(f"{file} holds no tables of a study ({what}); move it away") from None
    if written:
        titles = "; ".join(" · ".join(place) for place in written)
        what = "has rows of other settings, which this would write over"
        raise TableError(f"{file} {what}: {titles}. Name another --folder, or move it away")
    return kept


def _fits(held: set[str], wanted: set[str]) -> bool:
    return bool(held) and (held <= wanted or held >= wanted)
