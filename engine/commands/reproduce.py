"""``graphbits reproduce``: a published study, done again in integers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.commands.search import watch
from engine.commands.workers import add_workers, carrying_out, workers_of
from engine.spec import RunSpec, SpecError
from engine.spec.errors import check_choice, check_integer

RUNS, SEARCHES = 10, 5
"""Seeds of a study's cell, and of a race's entrant."""


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("reproduce", help="do a published study again, in integers")
    parser.add_argument("study", help="degree-quant, smoothness, defaults, lpgnas")
    parser.add_argument(
        "--seeds", type=int, help="runs of each cell (10), searches of each entrant (5)"
    )
    parser.add_argument("--epochs", type=int, help="instead of the study's own")
    parser.add_argument(
        "--only", action="append", default=[], metavar="TEXT", help="cells that say so; may repeat"
    )
    parser.add_argument(
        "--stored",
        action="store_true",
        help="run nothing: tables of what the store holds, timed anew",
    )
    add_workers(parser)
    parser.add_argument("--smoke", action="store_true", help="tiny graphs: only that it runs")
    parser.add_argument(
        "--folder", type=Path, default=Path("assets/tables"), help="of the tables (assets/tables)"
    )
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Run what the store does not have yet, and write the tables after each row of them."""
    from engine.reproduce import RACES, STUDIES

    check_choice("study", options.study, (*STUDIES, *RACES))
    if options.seeds is None:
        options.seeds = SEARCHES if options.study in RACES else RUNS
    check_integer("--seeds", options.seeds, 1, 1000)
    if options.epochs is not None:
        check_integer("--epochs", options.epochs, 1, 100_000)
    if options.stored and options.study in RACES:
        accepts = f"a study of runs: {', '.join(STUDIES)}; searches go on from what is stored"
        raise SpecError("--stored", options.study, accepts)
    seeds = min(options.seeds, 2) if options.smoke else options.seeds
    made: Any = {**STUDIES, **RACES}[options.study]
    asked = made(seeds=seeds, epochs=options.epochs, smoke=options.smoke)
    options.folder.mkdir(parents=True, exist_ok=True)
    done = _race(asked, options) if options.study in RACES else _study(asked, options)
    if done:
        print(f"The tables are {options.folder / asked.name}.md and .json")
    return 0 if done else 1


def _study(study: Any, options: argparse.Namespace) -> bool:
    """Run a study's cells; return whether all of them are done.

    What the folder's tables hold stays in them, and is not run again.
    """
    from engine.experiment import timed_again
    from engine.reproduce import Measured, Row, kept_rows, to_json, to_markdown
    from engine.runs import RunStore

    rows = kept_rows(study, options.folder / f"{study.name}.json")
    named = {_name(cell): at for at, cell in enumerate(study.cells)}
    store = RunStore()
    with carrying_out(store, workers_of(options)) as carry_out:
        for name, at in _asked_for(named, options.only).items():
            cell, before = study.cells[at], rows.get(at)
            measured = {} if before is None else {held.key: held for held in before.measured}
            if options.stored:  # its runs' own times are of a machine that trained more
                found = [run for spec in cell.runs if (run := store.answer(spec.key))]
                latency = timed_again(found[0], store.folder) if found else {}
                new = {run.spec: {**run.metrics, "latency": latency} for run in found}
            elif len(measured) >= len(cell.runs):
                new = {}
            else:
                left = [spec for spec in cell.runs if spec.key not in measured]
                new = {spec: run.metrics for spec, run in carry_out(_titled(name, left)).items()}
            measured |= {spec.key: Measured.of(spec, metrics) for spec, metrics in new.items()}
            if new:
                rows[at] = Row(cell, tuple(measured.values()))
            told = [rows[place] for place in sorted(rows)]
            command = _command(options)
            text, data = to_markdown(study, told, command), to_json(study, told, command)
            _write(study.name, text, data, options.folder)
    return True


def _race(race: Any, options: argparse.Namespace) -> bool:
    """Run a race's searches; return whether all of them are done.

    What the folder's tables hold stays in them, and is not searched again.
    """
    from engine.learning.datasets import fetch
    from engine.reproduce import (
        Searched,
        Standing,
        kept_standings,
        race_to_json,
        race_to_markdown,
        runs_again,
    )
    from engine.runs import RunStore
    from engine.search import corner_of, leanest

    standings = kept_standings(race, options.folder / f"{race.name}.json")
    named = {f"{e.graph} · {e.space} · {e.method}": at for at, e in enumerate(race.entrants)}
    store, workers = RunStore(), workers_of(options)
    for title, at in _asked_for(named, options.only).items():
        entrant, before = race.entrants[at], standings.get(at)
        held = {} if before is None else {of.key: of for of in before.searched}
        for search in entrant.searches:
            if search.key not in held:
                trials = watch(search, store, workers)
                if trials is None:
                    print(f"{title} was stopped; the same command goes on from there.")
                    return False
                again = runs_again(entrant, search, leanest(trials).spec)
                with carrying_out(store, workers) as carry_out:
                    runs = carry_out(_titled(f"{title}, its answer", again))
                corner = corner_of(search.space, fetch(search.space.graph, store.folder))
                metrics = [runs[spec].metrics for spec in again]
                held[search.key] = Searched.of(search, trials, corner, metrics)
            searched = sorted(held.values(), key=lambda of: of.seed)
            standings[at] = Standing(entrant=entrant, searched=tuple(searched))
            told = [standings[place] for place in sorted(standings)]
            command = _command(options)
            text, data = race_to_markdown(race, told, command), race_to_json(race, told, command)
            _write(race.name, text, data, options.folder)
    return True


def _name(cell: Any) -> str:
    return f"{cell.heading} · {cell.model} · {cell.scheme}"


def _asked_for(named: dict[str, Any], only: list[str]) -> dict[str, Any]:
    """Return what has every text of ``--only`` in its name.

    Raises:
        SpecError: If nothing has.
    """
    asked = {
        name: held
        for name, held in named.items()
        if all(text.casefold() in name.casefold() for text in only)
    }
    if not asked:
        raise SpecError("--only", only, "text of a cell, such as " + next(iter(named)))
    return asked


def _titled(title: str, runs: Sequence[RunSpec]) -> dict[RunSpec, str]:
    """Return runs, each with a title that tells it from the others."""
    return {
        spec: f"{title} · seed {spec.seed}"
        if spec.graph.fold is None
        else f"{title} · fold {spec.graph.fold}"
        for spec in runs
    }


def _command(options: argparse.Namespace) -> str:
    """Return what makes all of it; a study's tables may have been filled by several commands."""
    command = f"graphbits reproduce {options.study} --seeds {options.seeds}"
    command += f" --epochs {options.epochs}" if options.epochs else ""
    return command + (" --smoke" if options.smoke else "")


def _write(name: str, text: str, data: Any, folder: Path) -> None:
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    (folder / f"{name}.json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
