"""The cells of deep stacks: every remedy at every depth, and that the deepest of them run."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.experiment import complete
from engine.reproduce import smoothness
from engine.reproduce.stacks import NOTES, OPERATORS, REMEDIES, stacks
from engine.runs import RunStore
from engine.spec import DiffGroupNorm, PairNorm, TrainingSpec

DEPTHS = (2, 4, 8, 16, 32, 64)


def test_every_operator_has_every_remedy_at_every_depth_and_width() -> None:
    cells = [cell for cell in smoothness(seeds=2).cells if "stacks" in cell.section]
    assert cells == [*stacks("Cora", DEPTHS, TrainingSpec(), 2)]
    assert len(cells) == len(OPERATORS) * len(REMEDIES) * len(DEPTHS) * 3
    keys = {spec.key for cell in cells for spec in cell.runs}
    assert len(keys) == 2 * len(cells)
    assert set(NOTES) <= set(smoothness().notes)


@pytest.mark.parametrize("cell", stacks("Cora", (64,), TrainingSpec(), 1), ids=lambda c: c.model)
def test_a_cell_is_what_its_name_says(cell) -> None:
    (spec,) = cell.runs
    operator, remedy, depth = cell.model.split(", ")
    assert (spec.model.operator, depth) == (operator.lower(), "64 layers")
    assert spec.model.residual == (remedy == "residual")
    kinds = {"PairNorm": PairNorm, "group norm": DiffGroupNorm}
    assert isinstance(spec.model.normalization, kinds.get(remedy, type(None)))
    assert spec.quant[0].message.bits == (32 if cell.scheme == "float32" else int(cell.scheme[0]))


@pytest.mark.parametrize("remedy", list(REMEDIES))
def test_one_cell_of_each_remedy_runs_to_its_numbers(remedy: str, tmp_path: Path) -> None:
    cells = stacks("karate", (4,), TrainingSpec(epochs=2), 1)
    (cell,) = (c for c in cells if c.model == f"GCN, {remedy}, 4 layers" and c.scheme == "4 bits")
    metrics = complete(cell.runs[0], RunStore(tmp_path)).metrics
    assert metrics["agreement"]["max_code_difference"] <= 1
    assert len(metrics["smoothness"]["integer"]) == 5
    float_stages = [f"{layer}.group_share" for layer in range(3)] if remedy == "group norm" else []
    assert metrics["float_stages"] == [*float_stages, "3.output"]
