"""The study of mixes: what each cell trains, and what it says is best."""

from __future__ import annotations

from engine.reproduce import Cell, Measured, Row, defaults, degree_quant

OWN = "GC, percentile, protected"


def test_the_schemes_are_two_of_the_mixes() -> None:
    study = defaults(seeds=1)
    assert len(study.cells) == 2 * 4 * 3 * 10
    assert len({cell.runs[0].key for cell in study.cells}) == len(study.cells)
    mixed = {
        (cell.graph, cell.model, cell.scheme): cell.runs[0]
        for cell in study.cells
        if "sage" not in cell.model
    }
    names = {"QAT": "STE, EMA, unprotected", "Degree-Quant": OWN}
    compared = 0
    for cell in degree_quant(seeds=1).cells:
        name, *width = cell.scheme.split(", ")
        if name in names and cell.graph in ("Cora", "CiteSeer"):
            assert mixed[cell.graph, cell.model, f"{width[0]}, {names[name]}"] == cell.runs[0]
            compared += 1
    assert compared == 2 * 3 * 2 * 2


def test_fewer_seeds_and_epochs() -> None:
    for cell in defaults(seeds=3, epochs=7).cells:
        assert [spec.seed for spec in cell.runs] == [0, 1, 2]
        assert {spec.training.epochs for spec in cell.runs} == {7}
    assert {cell.graph for cell in defaults(smoke=True).cells} == {"karate"}


def test_the_best_is_told_by_validation() -> None:
    study = defaults(seeds=2)
    cells = [c for c in study.cells if c.graph == "Cora" and c.model.startswith("gcn")]
    eight = [cell for cell in cells if cell.scheme.startswith("8 bits")]
    four = [cell for cell in cells if cell.scheme.startswith("4 bits")]
    rows = [
        *(_row(cell, validation=0.8 if cell.scheme[8:] == OWN else 0.7) for cell in eight),
        *(_row(cell, validation=0.75 if "STE, EMA, prot" in cell.scheme else 0.7) for cell in four),
    ]
    first, second = study.closing(rows)
    assert first == "Cora, gcn 2×16, 8 bits: Degree-Quant's rules are the best of 10."
    assert second == (
        "Cora, gcn 2×16, 4 bits: STE, EMA, protected is the best of 10, +5.00 points over "
        "Degree-Quant's rules on validation (standard error 0.00, 2 seeds)."
    )
    assert study.closing([_row(four[0], validation=0.7)]) == ()


def _row(cell: Cell, validation: float) -> Row:
    return Row(
        cell,
        tuple(
            Measured(
                key=spec.key,
                seed=spec.seed,
                accuracy=0.5,
                validation=validation + 0.01 * spec.seed,
                max_code_difference=0,
                codes_different=0.0,
                same_class=1.0,
                model_bytes=1,
                latency_ratio=1.0,
                epoch_ms=1.0,
            )
            for spec in cell.runs
        ),
    )
