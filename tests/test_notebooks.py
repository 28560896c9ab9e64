"""The lessons run from top to bottom, fast, and are as short as a lesson should be."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from explorer.lessons import LESSONS

ROOT = Path(__file__).parents[1]
FOUND = sorted((ROOT / "notebooks").glob("lesson-*.ipynb"))
MOST_CODE_CELLS = 12
WITHIN_S = 60


def name(path: Path) -> str:
    return path.stem.removeprefix("lesson-")


def test_each_lesson_has_its_notebook() -> None:
    assert {name(path) for path in FOUND} == set(LESSONS)


@pytest.mark.parametrize("path", FOUND, ids=name)
def test_it_is_short_and_asks_predicts_compares_and_explains(path: Path) -> None:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    words = " ".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert len(code) <= MOST_CODE_CELLS
    assert f'Explorer(lesson="{name(path)}")' in code[0]
    for part in ("Objective", "Question", "Predict", "Compare", "Explain", "Exercise"):
        assert f"**{part}" in words, part
    for source in code:
        defined = (ast.FunctionDef, ast.ClassDef, ast.Lambda)
        assert not any(isinstance(node, defined) for node in ast.walk(ast.parse(source)))
    assert code[-1].startswith("answer = None"), "an exercise with a checkable answer"


@pytest.mark.parametrize("path", FOUND, ids=name)
def test_it_runs_and_checks_the_answer(path: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(path, 4)
    exercise = [cell.source for cell in notebook.cells if cell.cell_type == "code"][-1]
    right = exercise.split("answer == ")[1].split(" else")[0]
    solved = exercise.replace("answer = None", f"answer = {right}")
    notebook.cells.append(nbformat.v4.new_code_cell(solved))
    NotebookClient(notebook, timeout=WITHIN_S, resources={"metadata": {"path": tmp_path}}).execute()
    *_, unsolved, answered = (
        "".join(output.get("text", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    )
    assert unsolved.startswith("Not yet")
    assert answered.strip() == "Right."
