"""``graphbits reproduce``: a published study, done again in integers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.spec import RunSpec, SpecError
from engine.spec.errors import check_choice, check_integer


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("reproduce", help="do a published study again, in integers")
    parser.add_argument("study", help="degree-quant, smoothness")
    parser.add_argument("--seeds", type=int, default=10, help="runs of each cell (10)")
    parser.add_argument("--epochs", type=int, help="instead of the study's own")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="cells that say so; may repeat"
    )
    parser.add_argument(
        "--stored", action="store_true", help="run nothing: tables of what the store holds"
    )
    parser.add_argument("--smoke", action="store_true", help="tiny graphs: only that it runs")
    parser.add_argument(
        "--folder", type=Path, default=Path("assets/tables"), help="of the tables (assets/tables)"
    )
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Run what the store does not have yet, and write the tables after each cell."""
    from engine.reproduce import STUDIES, row_of
    from engine.runs import RunStore

    check_choice("study", options.study, tuple(STUDIES))
    check_integer("--seeds", options.seeds, 1, 1000)
    if options.epochs is not None:
        check_integer("--epochs", options.epochs, 1, 100_000)
    seeds = min(options.seeds, 2) if options.smoke else options.seeds
    study = STUDIES[options.study](seeds=seeds, epochs=options.epochs, smoke=options.smoke)
    cells = [cell for cell in study.cells if _is_asked_for(_name(cell), options.only)]
    if not cells:
        raise SpecError("--only", options.only, "text of a cell, such as " + _name(study.cells[0]))
    options.folder.mkdir(parents=True, exist_ok=True)
    store, rows = RunStore(), []
    with _progress(sum(len(cell.runs) for cell in cells)) as watch:
        for cell in cells:
            measured = {
                spec: watch(store, _name(cell), spec)
                for spec in cell.runs
                if not options.stored or store.answer(spec.key)
            }
            if measured:
                rows.append(row_of(cell, measured))
            _write(study, rows, options)
    print(f"The tables are {options.folder / study.name}.md and .json")
    return 0


def _name(cell: Any) -> str:
    return f"{cell.heading} · {cell.model} · {cell.scheme}"


def _is_asked_for(name: str, only: list[str]) -> bool:
    return all(text.casefold() in name.casefold() for text in only)


@contextmanager
def _progress(runs: int) -> Iterator[Any]:
    """Yield ``watch(store, title, spec)``, which carries out a run and returns its metrics."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.experiment import EpochDone, Finished, run

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, transient=True) as progress:
        whole = progress.add_task("runs", total=runs)
        inner = progress.add_task("")

        def watch(store: Any, title: str, spec: RunSpec) -> dict[str, Any]:
            which = f"seed {spec.seed}" if spec.graph.fold is None else f"fold {spec.graph.fold}"
            title = f"{title} · {which}"
            progress.update(inner, description=title, completed=0, total=spec.training.epochs)
            ending: Any = None
            for ending in run(spec, store):
                if isinstance(ending, EpochDone):
                    progress.update(inner, completed=ending.epoch)
            if not isinstance(ending, Finished):
                raise ValueError(f"{title}: {ending.note}")
            progress.advance(whole)
            return ending.run.metrics

        yield watch


def _write(study: Any, rows: list[Any], options: argparse.Namespace) -> None:
    from engine.reproduce import to_json, to_markdown

    command = f"graphbits reproduce {study.name} --seeds {options.seeds}"
    command += f" --epochs {options.epochs}" if options.epochs else ""
    command += "".join(f' --only "{text}"' for text in options.only)
    command += " --stored" if options.stored else ""
    command += " --smoke" if options.smoke else ""
    text = to_markdown(study, rows, command)
    (options.folder / f"{study.name}.md").write_text(text, encoding="utf-8")
    data = json.dumps(to_json(study, rows, command), indent=2)
    (options.folder / f"{study.name}.json").write_text(data + "\n", encoding="utf-8")
