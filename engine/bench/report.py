"""What a benchmark says: which machine, what was run, each rival's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.bench.machine import Machine, peak_bytes
from engine.bench.race import Effort, Rival, race


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """One race.

    Args:
        kind: What was measured.
        machine: The machine.
        case: What was run.
        rows: The numbers of each rival, see `Result.numbers`; ratios are over the first.
        skipped: Rivals that did not run, and why.
        others: Share of the machine that other processes took meanwhile, None where unknown.
        peak_bytes: Most memory that the process ever held, None where unknown.
        stages: The numbers of each stage by rival, where a profile was asked for.
    """

    kind: str
    machine: Machine
    case: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    skipped: Mapping[str, str]
    others: float | None
    peak_bytes: int | None
    stages: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return the report as it is written to a file."""
        return asdict(self)

    def __str__(self) -> str:
        case = ", ".join(f"{name} {_shown(value)}" for name, value in self.case.items())
        lines = [str(self.machine), f"{self.kind}: {case}", ""]
        lines += _table(ROW, self.rows)
        lines += [f"{name}: not run, {why}" for name, why in self.skipped.items()]
        for name, stages in self.stages.items():
            lines += ["", f"stages of {name}", *_table(STAGE, stages)]
        lines.append("")
        if self.others is not None:
            lines.append(f"other processes took {self.others:.0%} of the machine meanwhile")
        if self.peak_bytes is not None:
            lines.append(f"this process held {self.peak_bytes / 1e9:.2f} GB at most")
        return "\n".join(lines)


Columns = Sequence[tuple[str, str, str]]

ROW: Columns = (
    ("", "name", ""),
    ("median ms", "median_ms", ".3f"),
    ("best ms", "best_ms", ".3f"),
    ("ratio", "ratio", ".2f"),
    ("of best", "ratio_of_best", ".2f"),
    ("MB moved", "bytes_moved", "MB"),
    ("GB/s", "gb_per_s", ".1f"),
    ("of memory's", "of_bandwidth", ".0%"),
    ("G mult-adds/s", "giga_operations_per_s", ".1f"),
)
"""Heading, key and format of what is printed of a rival."""

STAGE: Columns = (
    ("", "name", ""),
    ("median ms", "median_ms", ".3f"),
    ("share", "share", ".0%"),
    ("MB moved", "bytes_moved", "MB"),
    ("GB/s", "gb_per_s", ".1f"),
    ("of memory's", "of_bandwidth", ".0%"),
    ("G mult-adds/s", "giga_operations_per_s", ".1f"),
)
"""The same of a stage."""


def measured(
    kind: str,
    case: Mapping[str, Any],
    rivals: Sequence[Rival],
    machine: Machine,
    effort: Effort,
    *,
    skipped: Mapping[str, str],
    stages: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Report:
    """Return the report of a race with the machine's threads.

    Args:
        kind: What is measured.
        case: What is run.
        rivals: The rivals; ratios are over the first.
        machine: The machine.
        effort: How often each is run.
        skipped: Rivals that did not run, and why.
        stages: The numbers of each stage by rival.
    """
    results, others = race(rivals, effort)
    return Report(
        kind=kind,
        machine=machine,
        case=case,
        rows=[result.numbers(results[0], machine.gb_per_s) for result in results],
        skipped=skipped,
        others=others,
        peak_bytes=peak_bytes(),
        stages=stages or {},
    )


def _table(columns: Columns, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    cells = [[heading for heading, _, _ in columns]]
    cells += [[_cell(row[key], form) for _, key, form in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if index else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "–"
    if form == "MB":
        return f"{value / 1e6:,.1f}"
    return format(value, form)


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
