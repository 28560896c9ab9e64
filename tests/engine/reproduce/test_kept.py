"""Rows read back from tables: all of them, none of other settings, and no nonsense."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from engine.reproduce import (
    Cell,
    Entrant,
    Measured,
    Race,
    Row,
    Searched,
    Standing,
    Study,
    TableError,
    defaults,
    degree_quant,
    kept_rows,
    kept_standings,
    lpgnas,
    race_to_json,
    smoothness,
    to_json,
)
from engine.search import METHODS, SearchSpec
from engine.spec import encode, scheme

TABLES = Path(__file__).parents[3] / "assets" / "tables"
CELLS = tuple(
    Cell(
        graph="Cora",
        model="gcn 2×16",
        scheme=f"QAT, {bits} bits",
        runs=tuple(scheme("qat", bits=bits, seed=seed) for seed in range(3)),
    )
    for bits in (8, 4)
)
STUDY = Study(name="study", title="A title", notes=(), cells=CELLS)


def row_with(cell: Cell, runs: int = 3) -> Row:
    numbers = {
        "validation": 0.7,
        "max_code_difference": 1,
        "codes_different": 0.01,
        "same_class": 0.99,
        "model_bytes": 1234,
        "latency_ratio": 1.5,
        "epoch_ms": 2.0,
    }
    return Row(
        cell,
        tuple(
            Measured(key=spec.key, seed=spec.seed, accuracy=0.8 + spec.seed / 100, **numbers)
            for spec in cell.runs[:runs]
        ),
    )


def written(folder: Path, *rows: Row) -> Path:
    file = folder / "study.json"
    file.write_text(json.dumps(to_json(STUDY, rows, "command")), encoding="utf-8")
    return file


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    second, first = row_with(CELLS[1], 2), row_with(CELLS[0])
    held = kept_rows(STUDY, written(tmp_path, second, first))
    assert {at: asdict(row) for at, row in held.items()} == {0: asdict(first), 1: asdict(second)}
    assert kept_rows(STUDY, tmp_path / "none.json") == {}


def test_rows_of_other_settings_are_not_written_over(tmp_path: Path) -> None:
    file = written(tmp_path, row_with(CELLS[0]), row_with(CELLS[1]))
    longer = replace(CELLS[0].runs[0].training, epochs=7)
    others = replace(CELLS[0], runs=tuple(replace(spec, training=longer) for spec in CELLS[0].runs))
    with pytest.raises(TableError, match=r"over: Cora · gcn 2×16 · QAT, 8 bits\. Name another"):
        kept_rows(replace(STUDY, cells=(others, CELLS[1])), file)


def test_a_row_of_more_seeds_stays_where_fewer_are_asked_for(tmp_path: Path) -> None:
    file = written(tmp_path, row_with(CELLS[0]))
    fewer = replace(CELLS[0], runs=CELLS[0].runs[:2])
    (row,) = kept_rows(replace(STUDY, cells=(fewer,)), file).values()
    assert len(row.measured) == 3


def test_standings_come_back_as_they_were(tmp_path: Path) -> None:
    entrants = tuple(
        Entrant(
            graph="karate",
            space="widths",
            method=name,
            searches=tuple(SearchSpec(method=METHODS[name](), seed=seed) for seed in range(3)),
            again=1,
        )
        for name in ("random", "tpe")
    )
    race = Race(name="race", title="A title", notes=(), entrants=entrants)
    numbers = {
        "volume": 1.5,
        "test_volume": 1.25,
        "trainings": 15.5,
        "runs": 15,
        "model_bytes": 100,
        "buffer_bytes": 200,
    }
    held = [
        Standing(
            entrant=entrant,
            searched=tuple(
                Searched(
                    key=spec.key,
                    seed=spec.seed,
                    accuracies=(0.7,),
                    answer=encode(scheme("qat")),
                    **numbers,
                )
                for spec in entrant.searches[:searches]
            ),
        )
        for entrant, searches in zip(entrants, (3, 2), strict=True)
    ]
    file = tmp_path / "race.json"
    file.write_text(json.dumps(race_to_json(race, held, "command")), encoding="utf-8")
    assert kept_standings(race, file) == dict(enumerate(held))
    fewer = tuple(replace(entrant, searches=entrant.searches[:1]) for entrant in entrants)
    kept = kept_standings(replace(race, entrants=fewer), file)
    assert [len(standing.searched) for standing in kept.values()] == [3, 2]
    with pytest.raises(TableError, match=r"over: karate · widths · tpe\. Name another"):
        kept_standings(replace(race, entrants=entrants[:1]), file)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rows": [{}]}', '{"rows": 3}', "\0"])
def test_what_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "study.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TableError, match=r"study.json holds no tables of a study .*move it away"):
        kept_rows(STUDY, file)


def test_the_races_that_come_with_graphbits_are_kept() -> None:
    race = lpgnas()
    file = TABLES / f"{race.name}.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    kept = kept_standings(race, file)
    told = [[held["key"] for held in row["searches"]] for row in rows]
    assert told == [[held.key for held in kept[at].searched] for at in sorted(kept)] != []


@pytest.mark.parametrize(
    "study", [degree_quant(), smoothness(), defaults()], ids=lambda study: study.name
)
def test_the_tables_that_come_with_graphbits_are_kept(study: Study) -> None:
    file = TABLES / f"{study.name}.json"
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    kept = kept_rows(study, file)
    told = [[Measured(**held) for held in row["runs"]] for row in rows]
    assert told == [[*kept[at].measured] for at in sorted(kept)] != []
