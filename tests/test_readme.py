"""What the README says was measured is what the tables that come with graphbits hold."""

from __future__ import annotations

import re
from pathlib import Path

from engine.reproduce import STUDIES, Row, kept_rows, kept_standings, lpgnas, smoothness

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "assets" / "tables"

LAYERS = {"GCN": "gcn 2×16", "GAT": "gat 2×64", "GIN": "gin 2×64"}
"""Model of a column, beside the heading's graph."""

OF_LAYERS = {
    "float32": "float32",
    "Degree-Quant, 8 bits": "Degree-Quant, 8 bits",
    "Degree-Quant, 4 bits": "Degree-Quant, 4 bits",
    "plain QAT, 4 bits": "QAT, 4 bits",
}
"""Scheme of a line of the README."""

OF_STEPS = {
    "float32": "float32",
    "learned ranges, 8 bits": "8 bits, QLR",
    "learned steps (LSQ), 8 bits": "8 bits, LSQ",
    "learned ranges, 4 bits": "4 bits, QLR",
    "learned steps, 4 bits": "4 bits, LSQ",
    "learned ranges, 2 bits": "2 bits, QLR",
    "learned steps, 2 bits": "2 bits, LSQ",
    "learned ranges, 2 bits, distilled": "2 bits, QLR, distilled",
}

METHODS = {
    "LPGNAS": "lpgnas",
    "greedy": "greedy",
    "softmax-relaxed": "relaxed",
    "uniform widths": "uniform",
    "Optuna's TPE": "tpe",
    "random": "random",
    "SGQuant": "sgquant",
    "Optuna's NSGA-II": "nsga2",
}


def table(first: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the README's table whose heading begins so: its columns, and its lines by name."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    at = next(at for at, line in enumerate(lines) if line.startswith(first))
    cells = []
    for line in lines[at:]:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    return cells[0][1:], {name: rest for name, *rest in cells[2:]}


def words() -> str:
    """Return the README on one line."""
    return " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def told(study: str) -> dict[tuple[str, str, str], Row]:
    kept = kept_rows(STUDIES[study](), TABLES / f"{study}.json")
    return {(row.cell.heading, row.cell.model, row.cell.scheme): row for row in kept.values()}


def spread(row: Row | None) -> str:
    return f"{100 * row.accuracy:.1f} ± {100 * row.sd:.1f}" if row else ""


def test_accuracies_of_layers() -> None:
    rows = told("degree-quant")
    columns, lines = table("| scheme | Cora: GCN")
    graph, places = "", []
    for column in columns[:-1]:
        *named, layer = column.split(": ")
        graph = named[0] if named else graph
        places.append((graph, LAYERS[layer]))
    assert list(lines) == list(OF_LAYERS)
    for name, cells in lines.items():
        held = [rows[graph, model, OF_LAYERS[name]] for graph, model in places]
        assert cells == [*map(spread, held), f"{held[0].model_bytes / 1000:.1f} kB"], name


def test_accuracies_of_steps() -> None:
    rows = told("smoothness")
    columns, lines = table("| scheme | Cora | CiteSeer")
    assert columns[3] == "Cora, 64 steps"
    assert list(lines) == list(OF_STEPS)
    places = [(graph, "appnp, K = 10") for graph in columns[:3]]
    places.append(("Cora, by depth", "appnp, K = 64"))
    for name, cells in lines.items():
        held = [rows.get((graph, model, OF_STEPS[name])) for graph, model in places]
        size = rows["Cora", "appnp, K = 10", OF_STEPS[name]].model_bytes
        assert cells == [*map(spread, held), f"{size / 1000:.1f} kB"], name


def test_gains_of_the_constraint() -> None:
    text = words()
    sentences = smoothness().closing([*told("smoothness").values()])
    assert len(sentences) == 4
    for sentence in sentences:
        width, gain = re.fullmatch(r"(.*): smp gains (\S+ ± \S+) points.*", sentence).groups()
        assert f"{width} {gain}" in text, sentence


def test_accuracies_of_folds() -> None:
    rows = told("degree-quant")
    said = re.search(r"REDDIT-BINARY, ten folds.*?\(its repository", words())
    assert said is not None
    for scheme in ("float32", "Degree-Quant, 8 bits", "Degree-Quant, 4 bits", "QAT, 8 bits"):
        assert spread(rows["REDDIT-BINARY", "gin 5×64, mean pool", scheme]) in said.group(), scheme


def test_hypervolumes_of_searches() -> None:
    kept = kept_standings(lpgnas(), TABLES / "lpgnas.json").values()
    of_widths = ("PubMed", "widths of gcn 2×16")
    held = {
        of.entrant.method: of for of in kept if (of.entrant.graph, of.entrant.space) == of_widths
    }
    _, lines = table("| | by validation")
    assert {METHODS[name] for name in lines} == set(held)
    for name, cells in lines.items():
        spreads = (held[METHODS[name]].volume, held[METHODS[name]].test_volume)
        assert cells == [f"{each.mean:.3f} ± {each.sd:.3f}" for each in spreads], name
