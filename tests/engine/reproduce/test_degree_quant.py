"""The study's cells: which runs they take."""

from __future__ import annotations

from engine.graphs import PUBLIC, SETS
from engine.reproduce import degree_quant


def test_every_setting_has_every_scheme() -> None:
    study = degree_quant()
    settings = {(cell.graph, cell.model) for cell in study.cells}
    assert len(settings) == 4 * 3 + 1
    schemes = {cell.scheme for cell in study.cells}
    assert len(study.cells) == len(settings) * len(schemes) == 65
    assert all(cell.graph in PUBLIC + SETS for cell in study.cells)
    for cell in study.cells:
        assert len(cell.runs) == len({spec.key for spec in cell.runs}) == 10
        widths = {layer.weight.bits for spec in cell.runs for layer in spec.quant}
        assert len(widths) == 1
        assert str(widths.pop()) in cell.scheme


def test_protection_is_degree_quants_alone() -> None:
    for cell in degree_quant().cells:
        for spec in cell.runs:
            assert spec.protection.is_off == ("Degree-Quant" not in cell.scheme)


def test_graphs_are_run_over_folds_and_hardly_protected() -> None:
    cells = [cell for cell in degree_quant().cells if cell.graph == "REDDIT-BINARY"]
    assert len(cells) == 5
    for cell in cells:
        assert [spec.graph.fold for spec in cell.runs] == list(range(10))
        assert {spec.seed for spec in cell.runs} == {0}
        assert {spec.training.epochs for spec in cell.runs} == {60}
        decay = 4e-5 if "4 bits" in cell.scheme else 2e-4
        assert {spec.training.weight_decay for spec in cell.runs} == {decay}
        most = 0.01 if "Degree-Quant" in cell.scheme else 0.0
        assert {spec.protection.p_max for spec in cell.runs} == {most}
    assert "91.8" in next(c.published for c in cells if c.scheme == "Degree-Quant, 8 bits")


def test_fewer_seeds_and_epochs() -> None:
    for cell in degree_quant(seeds=3, epochs=7).cells:
        assert len(cell.runs) == 3
        assert {spec.training.epochs for spec in cell.runs} == {7}
    smoke = degree_quant(smoke=True, seeds=2)
    assert {cell.graph for cell in smoke.cells} == {"karate", "digits-superpixels"}
    assert not any(cell.published for cell in smoke.cells)
