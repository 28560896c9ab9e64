"""The study's cells: which runs they take, and the sentences that it ends with."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from engine.reproduce import Measured, Row, Study, smoothness
from engine.spec import LearnedRange, LearnedStep, ModelSpec, RunSpec


@cache
def whole() -> Study:
    return smoothness()


def row_with(runs: tuple[RunSpec, ...], *accuracies: float) -> Row:
    cell = next(cell for cell in whole().cells if set(runs) <= set(cell.runs))
    numbers = {
        "agreement": {"max_code_difference": 0, "codes_different": 0.0, "same_class": 1.0},
        "size": {"model_bytes": 1},
        "latency": {"float_ms": 1.0, "integer_ms": 1.0},
        "epoch_ms": 1.0,
    }
    held = (
        Measured.of(spec, {**numbers, "accuracy": {"integer": accuracy, "validation": 0.0}})
        for spec, accuracy in zip(runs, accuracies, strict=True)
    )
    return Row(cell, tuple(held))


def test_every_propagation_has_every_quantizer() -> None:
    study = whole()
    by_graph = [cell for cell in study.cells if not cell.section]
    by_depth = [cell for cell in study.cells if cell.section == "Cora, by depth"]
    assert len(by_graph) == 3 * 3 * (1 + 2 + 2 + 6)
    assert len(by_depth) == 3 * 6 * (1 + 1 + 1 + 1)
    names = {(cell.heading, cell.model, cell.scheme) for cell in study.cells}
    assert len(names) == len(study.cells)
    assert {cell.model for cell in by_depth if "64" in cell.model} == {
        "appnp, K = 64",
        "elastic, K = 64",
        "smp, K = 64",
    }
    for cell in study.cells:
        assert len(cell.runs) == len({spec.key for spec in cell.runs}) == 10
        assert cell.graph in cell.heading


def test_a_cell_is_what_its_scheme_says() -> None:
    for cell in smoothness(seeds=1).cells:
        (spec,) = cell.runs
        if not isinstance(spec.model, ModelSpec) or not spec.model.propagated:
            continue
        *before, last = spec.quant
        specs = [held for layer in before for _, held in layer.items() if not held.is_float]
        assert last.output.is_float
        if cell.scheme == "float32":
            assert not specs
            continue
        bits, quantizer, *taught = cell.scheme.split(", ")
        assert spec.training.distillation == (0.5 if taught == ["distilled"] else 0)
        assert spec.training.narrowing == ((8, 4) if taught == ["narrowed"] else ())
        assert {f"{held.bits} bits" for held in specs} == {bits}
        kind = LearnedStep if quantizer == "LSQ" else LearnedRange
        assert all(isinstance(held.range, kind) for held in specs)
        truncation = {"BT": "plain", "BT*": "skewed"}.get(quantizer, "none")
        assert {held.truncation for held in specs} == {truncation}
        assert not spec.protection.is_off


def test_published_numbers_stand_beside_what_they_are_of() -> None:
    published = {
        (cell.graph, cell.model, cell.scheme): cell.published
        for cell in whole().cells
        if cell.published
    }
    assert len(published) == 9
    assert published["Cora", "smp, K = 10", "2 bits, BT*"].startswith("77.8 (paper); 75.7 ± 3.1")


def test_the_gain_is_over_runs_that_share_all_else() -> None:
    study = whole()
    rows = []
    for cell in study.cells:
        if cell.section or cell.graph != "Cora" or cell.scheme != "4 bits, QLR":
            continue
        if "smp" in cell.model:
            rows.append(row_with(cell.runs[:2], 0.82, 0.79))
        if "appnp" in cell.model:
            rows.append(row_with(cell.runs[:2], 0.80, 0.80))
    (sentence,) = study.closing(rows)
    assert sentence.startswith("4 bits: smp gains +0.50 ± 2.12 points over appnp")
    assert sentence.endswith("(2 pairs).")
    alone = [replace(rows[0], measured=rows[0].measured[:1]), *rows[1:]]
    assert "(1 pair)" in study.closing(alone)[0]
    assert study.closing(rows[:1]) == ()


def test_fewer_seeds_epochs_and_a_tiny_graph() -> None:
    for cell in smoothness(seeds=3, epochs=7).cells:
        assert len(cell.runs) == 3
        assert {spec.training.epochs for spec in cell.runs} == {7}
    smoke = smoothness(smoke=True, seeds=2)
    assert {cell.graph for cell in smoke.cells} == {"karate"}
    assert not any(cell.published for cell in smoke.cells)
