"""A cell's row by hand, and the tables that show it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from engine.reproduce import Cell, Measured, Row, Study, to_json, to_markdown
from engine.spec import scheme


def metrics(accuracy: float, *, different: float = 0.0, integer_ms: float = 2.0) -> dict[str, Any]:
    return {
        "accuracy": {"integer": accuracy, "validation": accuracy - 0.1},
        "agreement": {
            "max_code_difference": int(different > 0),
            "codes_different": different,
            "same_class": 1 - different,
        },
        "size": {"model_bytes": 1234},
        "latency": {"float_ms": 3.0, "integer_ms": integer_ms},
        "epoch_ms": 20.0,
    }


CELL = Cell(
    graph="Cora",
    model="gcn 2×16",
    scheme="QAT, 4 bits",
    runs=tuple(scheme("qat", bits=4, seed=seed) for seed in range(3)),
    published="50.1 (somebody)",
)
METRICS = [metrics(0.7), metrics(0.8, different=0.01), metrics(0.9, integer_ms=1.0)]


def row_with(*numbers: dict[str, Any], cell: Cell = CELL) -> Row:
    runs = zip(cell.runs, numbers, strict=False)
    return Row(cell, tuple(Measured.of(spec, held) for spec, held in runs))


ROW = row_with(*METRICS)
STUDY = Study(name="degree-quant", title="A title", notes=("One.", "Two."), cells=(CELL,))


def test_a_row_is_the_mean_and_the_worst() -> None:
    assert (ROW.accuracy, ROW.sd) == (pytest.approx(0.8), pytest.approx(0.1))
    assert ROW.validation == pytest.approx(0.7)
    assert (ROW.max_code_difference, ROW.codes_different, ROW.same_class) == (1, 0.01, 0.99)
    assert ROW.latency_ratio == 1.5
    assert row_with(metrics(0.7)).sd == 0


def test_markdown_says_what_made_it() -> None:
    text = to_markdown(STUDY, [ROW], "graphbits reproduce x")
    assert text.startswith("# A title\n\nOne.\nTwo.\n\n## Cora\n\n| model | scheme |")
    row = next(line for line in text.splitlines() if line.startswith("| gcn"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:5] == ["gcn 2×16", "QAT, 4 bits", "80.00 ± 10.00", "70.00", "3"]
    assert cells[5:] == ["1", "1.0000 %", "99.00 %", "1,234", "1.50", "50.1 (somebody)"]
    assert text.count("|\n| ---") == 1
    assert "```sh\ngraphbits reproduce x\n```" in text


def test_a_single_run_has_no_spread() -> None:
    alone = row_with(metrics(0.7))
    assert "| 70.00 | 60.00 | 1 of 3 |" in to_markdown(STUDY, [alone], "command")


def test_what_was_not_run_is_named() -> None:
    others = [
        replace(CELL, scheme="QAT, 8 bits"),
        replace(CELL, model="gat 2×64", section="Cora, by depth"),
    ]
    study = replace(STUDY, cells=(CELL, *others), closing=lambda rows: (f"{len(rows)} row.",))
    some = row_with(*METRICS[:2])
    text = to_markdown(study, [some], "command")
    assert "| 2 of 3 |" in text
    assert "\n1 row.\n\nNot run:\n\n- Cora: gcn 2×16: QAT, 8 bits\n" in text
    assert "- Cora, by depth: all of gat 2×64\n\nMade with" in text
    deeper = row_with(METRICS[0], cell=others[1])
    assert "\n## Cora, by depth\n" in to_markdown(study, [some, deeper], "command")
    (row,) = to_json(study, [some], "command")["rows"]
    assert (len(row["runs"]), row["wanted"]) == (2, 3)
    assert "Not run" not in to_markdown(STUDY, [ROW], "command")


def test_json_names_the_runs() -> None:
    data = json.loads(json.dumps(to_json(STUDY, [ROW], "command")))
    (row,) = data["rows"]
    assert [held["key"] for held in row["runs"]] == [spec.key for spec in CELL.runs]
    assert row["accuracy"]["mean"] == pytest.approx(0.8)
    assert [held["accuracy"] for held in row["runs"]] == [0.7, 0.8, 0.9]
    assert (data["study"], data["command"]) == ("degree-quant", "command")
