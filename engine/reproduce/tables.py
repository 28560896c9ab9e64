"""A study's rows as Markdown, for people, and as JSON, for programs."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Return a study's tables, one for each graph.

    Args:
        study: The study.
        rows: What has been run of it, in its order.
        command: What made them.
    """
    lines = [f"# {study.title}", "", *study.notes, ""]
    for graph, of_graph in groupby(rows, key=lambda row: row.cell.graph):
        lines += [f"## {graph}", "", _line(COLUMNS), _line(["---"] * len(COLUMNS))]
        lines += [_line(_cells(row)) for row in of_graph]
        lines.append("")
    return "\n".join([*lines, "Made with", "", "```sh", command, "```", ""])


def to_json(study: Study, rows: Sequence[Row], command: str) -> dict[str, Any]:
    """Return the same numbers as plain data, each row with the keys of its runs.

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
                "model": row.cell.model,
                "scheme": row.cell.scheme,
                "accuracy": {"mean": row.accuracy, "sd": row.sd, "validation": row.validation},
                "agreement": {
                    "max_code_difference": row.max_code_difference,
                    "codes_different": row.codes_different,
                    "same_class": row.same_class,
                },
                "model_bytes": row.model_bytes,
                "latency_ratio": row.latency_ratio,
                "epoch_ms": row.epoch_ms,
                "runs": [spec.key for spec in row.cell.runs],
            }
            for row in rows
        ],
    }


def _cells(row: Row) -> list[str]:
    return [
        row.cell.model,
        row.cell.scheme,
        f"{100 * row.accuracy:.2f} ± {100 * row.sd:.2f}",
        f"{100 * row.validation:.2f}",
        str(len(row.cell.runs)),
        str(row.max_code_difference),
        f"{100 * row.codes_different:.4f} %",
        f"{100 * row.same_class:.2f} %",
        f"{row.model_bytes:,}",
        f"{row.latency_ratio:.2f}",
        row.cell.published,
    ]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
