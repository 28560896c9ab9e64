"""A race's standings as Markdown, for people, and as JSON, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from engine.reproduce.race import Race, Spread, Standing
from engine.reproduce.tables import made_with, not_run, section, share

COLUMNS = (
    "method",
    "hypervolume",
    "on the test nodes",
    "searches",
    "runs of a search",
    "trainings of a search",
    "answer: integer accuracy",
    "model bytes",
    "buffer bytes",
)


def race_to_markdown(race: Race, standings: Sequence[Standing], command: str) -> str:
    """Return a race's tables, one for each graph and space.

    Args:
        race: The race.
        standings: What has been searched of it, in its order.
        command: What made them.
    """
    lines = [f"# {race.title}", "", *race.notes, ""]
    for (graph, space), of_space in groupby(
        standings, key=lambda s: (s.entrant.graph, s.entrant.space)
    ):
        lines += section(f"{graph}: {space}", COLUMNS, map(_cells, of_space))
    lines += _missing(race, standings)
    return "\n".join([*lines, *made_with(command)])


def race_to_json(race: Race, standings: Sequence[Standing], command: str) -> dict[str, Any]:
    """Return the same numbers as plain data, each row with what each of its searches came to.

    Args:
        race: The race.
        standings: What has been searched of it.
        command: What made them.
    """
    return {
        "study": race.name,
        "command": command,
        "rows": [
            {
                "graph": standing.entrant.graph,
                "space": standing.entrant.space,
                "method": standing.entrant.method,
                "hypervolume": {
                    "validation": asdict(standing.volume),
                    "test": asdict(standing.test_volume),
                },
                "trainings": standing.trainings,
                "runs": standing.runs,
                "accuracy": asdict(standing.accuracy),
                "model_bytes": standing.model_bytes,
                "buffer_bytes": standing.buffer_bytes,
                "searches": [asdict(held) for held in standing.searched],
                "wanted": len(standing.entrant.searches),
            }
            for standing in standings
        ],
    }


def _missing(race: Race, standings: Sequence[Standing]) -> list[str]:
    """Return lines that name the entrants without a search, a line for each graph and space."""
    held = {id(standing.entrant) for standing in standings}
    missing: dict[tuple[str, str], list[str]] = {}
    for entrant in race.entrants:
        if id(entrant) not in held:
            missing.setdefault((entrant.graph, entrant.space), []).append(entrant.method)
    lines = [
        f"- {graph}: {space}: {', '.join(methods)}" for (graph, space), methods in missing.items()
    ]
    return not_run(lines)


def _cells(standing: Standing) -> list[str]:
    return [
        standing.entrant.method,
        _told(standing.volume, 1),
        _told(standing.test_volume, 1),
        share(len(standing.searched), len(standing.entrant.searches)),
        str(standing.runs),
        f"{standing.trainings:.1f}",
        _told(standing.accuracy, 100),
        f"{standing.model_bytes:,}",
        f"{standing.buffer_bytes:,}",
    ]


def _told(spread: Spread, scale: float) -> str:
    digits = 2 if scale > 1 else 3
    return f"{scale * spread.mean:.{digits}f} ± {scale * spread.sd:.{digits}f}"
