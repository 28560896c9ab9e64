"""A study's rows as Markdown, for people, and as JSON, for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from engine.reproduce.study import Row, Study

COLUMNS = (
    "model",
    "scheme",
    "integer accuracy",
    "validation",
    "runs",
    "largest code difference",
    "codes different, at most",
    "same class, at least",
    "model bytes",
    "float32 time / integer time",
    "published",
)


def to_markdown(study: Study, rows: Sequence[Row], command: str) -> str:
    """Return a study's tables, one for each heading, and what was not run.

    Args:
        study: The study.
        rows: What has been run of it, in its order.
        command: What made them.
    """
    lines = [f"# {study.title}", "", *study.notes, ""]
    for heading, of_heading in groupby(rows, key=lambda row: row.cell.heading):
        lines += section(heading, COLUMNS, map(_cells, of_heading))
    lines += [text for sentence in study.closing(rows) for text in (sentence, "")]
    lines += _missing(study, rows)
    return "\n".join([*lines, *made_with(command)])


def to_json(study: Study, rows: Sequence[Row], command: str) -> dict[str, Any]:
    """Return the same numbers as plain data, each row with the keys of its runs and their numbers.

    Args:
        study: The study.
        rows: What has been run of it.
        command: What made them.
    """
    return {
        "study": study.name,
        "command": command,
        "rows": [
            {
                "graph": row.cell.graph,
                "section": row.cell.heading,
                "model": row.cell.model,
                "scheme": row.cell.scheme,
                "accuracy": {"mean": row.accuracy, "sd": row.sd, "validation": row.validation},
                "runs": [asdict(held) for held in row.measured],
                "wanted": len(row.cell.runs),
            }
            for row in rows
        ],
    }


def _missing(study: Study, rows: Sequence[Row]) -> list[str]:
    """Return lines that name the cells without a run, a line for each model that has some."""
    held = {id(row.cell) for row in rows}
    lines = []
    for heading, of_heading in groupby(study.cells, key=lambda cell: cell.heading):
        missing: dict[str, list[str]] = {}
        whole = Counter[str]()
        for cell in of_heading:
            whole[cell.model] += 1
            if id(cell) not in held:
                missing.setdefault(cell.model, []).append(cell.scheme)
        every = [model for model, schemes in missing.items() if len(schemes) == whole[model]]
        lines += [
            f"- {heading}: {model}: {'; '.join(schemes)}"
            for model, schemes in missing.items()
            if model not in every
        ]
        if every:
            lines.append(f"- {heading}: all of {'; '.join(every)}")
    return not_run(lines)


def _cells(row: Row) -> list[str]:
    return [
        row.cell.model,
        row.cell.scheme,
        f"{100 * row.accuracy:.2f}" + (f" ± {100 * row.sd:.2f}" if len(row.measured) > 1 else ""),
        f"{100 * row.validation:.2f}",
        share(len(row.measured), len(row.cell.runs)),
        str(row.max_code_difference),
        f"{100 * row.codes_different:.4f} %",
        f"{100 * row.same_class:.2f} %",
        f"{row.model_bytes:,}",
        f"{row.latency_ratio:.2f}",
        row.cell.published,
    ]


def share(done: int, wanted: int) -> str:
    """Return how many of the runs or searches that a row wants it has."""
    return str(done) if done >= wanted else f"{done} of {wanted}"


def not_run(lines: Sequence[str]) -> list[str]:
    """Return the lines that say in Markdown what has no row, none where all have one."""
    return ["Not run:", "", *lines, ""] if lines else []


def section(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table in Markdown under its title, and an empty one."""
    heads = columns, ["---"] * len(columns)
    return [f"## {title}", "", *(f"| {' | '.join(cells)} |" for cells in (*heads, *rows)), ""]


def made_with(command: str) -> list[str]:
    """Return the lines that say in Markdown what made a page."""
    return ["Made with", "", "```sh", command, "```", ""]
