"""``graphbits search``: find widths and shapes within a budget, and show the front."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.commands.options import add_graph, add_json, add_model, graph_of, model_of, write_json
from engine.commands.workers import add_workers, workers_of
from engine.spec import ModelSpec, SpecError, TrainingSpec, encode
from engine.spec.errors import check_choice, check_integer

METHODS = "lpgnas, uniform, random, tpe, nsga2, greedy, relaxed, sgquant"


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("search", help="search widths and shapes within a budget")
    add_graph(parser, "digits-knn")
    add_model(parser)
    of = parser.add_argument_group("space")
    of.add_argument(
        "--scheme", default="degree-quant", help="qat, degree-quant, smp, ternary (degree-quant)"
    )
    of.add_argument(
        "--widths", type=int, nargs="+", default=[8, 4, 2], help="of each component (8 4 2)"
    )
    of.add_argument(
        "--degrees",
        type=int,
        nargs="+",
        default=[],
        help="in-degrees from which nodes may have other widths (none)",
    )
    of.add_argument(
        "--choose",
        action="append",
        default=[],
        metavar="FIELD=OPTION,…",
        help="search the shape too: operator, aggregation, layers, steps, hidden, activation, "
        "residual; may repeat",
    )
    of = parser.add_argument_group("search")
    of.add_argument("--method", default="lpgnas", help=f"{METHODS} (lpgnas)")
    of.add_argument("--trainings", type=float, default=16, help="work, in trainings of a run (16)")
    of.add_argument("--model-bytes", type=int, help="most bytes of the answer's weights")
    of.add_argument("--buffer-bytes", type=int, help="most bytes of its live activations")
    of.add_argument(
        "--beta", type=float, nargs="+", help="weight of the size, or the lowest and highest"
    )
    of.add_argument(
        "--floor", type=float, help="most of the validation accuracy that sgquant gives up (0.005)"
    )
    of.add_argument(
        "--batch", type=int, help="runs that tpe (4), nsga2 (6) and sgquant (4) propose at once"
    )
    of.add_argument("--seeds", type=int, default=1, help="how many searches (1)")
    of.add_argument("--first-seed", type=int, default=0, help="seed of the first search (0)")
    of = parser.add_argument_group("training")
    of.add_argument("--epochs", type=int, default=200, help="full-graph steps (200)")
    of.add_argument("--lr", type=float, default=0.01, help="learning rate of Adam (0.01)")
    of.add_argument("--weight-decay", type=float, default=5e-4, help="on the first layer (5e-4)")
    of.add_argument(
        "--distillation",
        type=float,
        default=0.0,
        help="share of a run's loss from its float model (0)",
    )
    add_workers(parser)
    add_json(parser, "the trials")
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Search with each seed, draw progress, print the fronts, write the JSON."""
    from engine.learning.datasets import fetch
    from engine.runs import RunStore
    from engine.search import corner_of, front, volume

    check_integer("--seeds", options.seeds, 1, 10_000)
    workers = workers_of(options)
    store = RunStore()
    first = spec_of(options, store.folder)
    corner = corner_of(first.space, fetch(first.space.graph, store.folder))
    written = []
    for seed in range(first.seed, first.seed + options.seeds):
        spec = replace(first, seed=seed)
        trials = watch(spec, store, workers)
        if trials is None:
            print(f"Search {spec.key[:12]} was stopped; the same command goes on from there.")
            return 1
        _print_front(spec, trials, volume(trials, corner), volume(trials, corner, test=True))
        written.append(
            {
                "search": encode(spec),
                "key": spec.key,
                "corner": encode(corner),
                "hypervolume": {
                    "validation": volume(trials, corner),
                    "test": volume(trials, corner, test=True),
                },
                "trials": [{"run": trial.spec.key, **encode(trial)} for trial in trials],
                "front": [trial.proposal.number for trial in front(trials)],
            }
        )
        write_json(written, options.json)
    return 0


def spec_of(options: argparse.Namespace, folder: Path) -> Any:
    """Return the first search that the options describe.

    Raises:
        SpecError: Naming an invalid option.
        GraphError: If a graph file holds no graph to learn on.
    """
    from engine.search import Budget, SearchSpec, Space

    chosen: dict[str, Any] = choices_of(options.choose)
    space = Space(
        graph=graph_of(options, folder),
        model=model_of(options),
        scheme=options.scheme,
        widths=tuple(options.widths),
        degrees=tuple(options.degrees),
        training=TrainingSpec(
            epochs=options.epochs,
            lr=options.lr,
            weight_decay=options.weight_decay,
            distillation=options.distillation,
        ),
        **chosen,
    )
    budget = Budget(
        trainings=options.trainings,
        model_bytes=options.model_bytes,
        buffer_bytes=options.buffer_bytes,
    )
    return SearchSpec(space=space, method=_method(options), budget=budget, seed=options.first_seed)


def choices_of(texts: list[str]) -> dict[str, tuple[Any, ...]]:
    """Return the options of a space's fields from texts such as ``hidden=16,32``.

    Raises:
        SpecError: Naming what is no choice.
    """
    from engine.search.space import FIELDS

    field_of = {of_model: field for field, of_model in FIELDS.items()}
    chosen: dict[str, tuple[Any, ...]] = {}
    for text in texts:
        name, _, options = text.partition("=")
        if name not in field_of or not options:
            accepts = "FIELD=OPTION,… of " + ", ".join(field_of)
            raise SpecError("--choose", text, accepts)
        usual = getattr(ModelSpec(operator="appnp", steps=1), name)
        read = _flag if isinstance(usual, bool) else int if isinstance(usual, int) else str
        try:
            chosen[field_of[name]] = tuple(read(option) for option in options.split(","))
        except (ValueError, KeyError):
            raise SpecError("--choose", text, f"options of {name}") from None
    return chosen


def _flag(text: str) -> bool:
    return {"true": True, "false": False, "yes": True, "no": False}[text.lower()]


def _method(options: argparse.Namespace) -> Any:
    """Return the method that the options name.

    Raises:
        SpecError: Naming an option that it does not have.
    """
    from engine.search import METHODS, Lpgnas, Nsga2, Relaxed, Sgquant, Tpe

    check_choice("--method", options.method, tuple(METHODS))
    kind: Any = METHODS[options.method]
    given: dict[str, Any] = {}
    if options.beta is not None:
        if not issubclass(kind, Lpgnas | Relaxed):
            raise SpecError("--beta", options.beta, "nothing, but with lpgnas or relaxed")
        if len(options.beta) > 2:
            raise SpecError("--beta", options.beta, "one number, or the lowest and the highest")
        given = {"beta_low": options.beta[0], "beta_high": options.beta[-1]}
    if options.batch is not None:
        names: dict[Any, str] = {Tpe: "batch", Nsga2: "population", Sgquant: "batch"}
        if kind not in names:
            raise SpecError("--batch", options.batch, "nothing, but with tpe, nsga2 or sgquant")
        given = {names[kind]: options.batch}
    if options.floor is not None:
        if kind is not Sgquant:
            raise SpecError("--floor", options.floor, "nothing, but with sgquant")
        given["floor"] = options.floor
    return kind(**given)


def watch(spec: Any, store: Any, workers: Any = None) -> Any:
    """Carry out a search, drawing its progress; return its trials, None where it was stopped.

    Args:
        spec: The search.
        store: Where runs are kept.
        workers: Carry out its runs; None for this process.
    """
    from rich.progress import BarColumn, Progress, TextColumn

    from engine.search import name_of
    from engine.searching import Answered, Looking, Spending, search
    from engine.searching import Progress as Trained

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f}/{task.total:.0f}"),
    )
    ending: Any = None
    spending = Spending(spec)
    with Progress(*columns, transient=True) as progress:
        title = f"{name_of(spec.method)} on {spec.space.graph.title}, seed {spec.seed}"
        whole = progress.add_task(f"{title}: trainings", total=spec.budget.trainings)
        inner = progress.add_task("", total=1)
        for ending in search(spec, store, workers=workers):
            if isinstance(ending, Looking):
                progress.update(inner, description=ending.what, completed=ending.done)
            elif isinstance(ending, Trained):
                done = ending.epoch / spec.space.training.epochs
                what = f"run {ending.proposal.number}, {ending.proposal.origin}"
                progress.update(inner, description=what, completed=done)
            spending.hear(ending)
            progress.update(whole, completed=spending.trainings)
    return ending.trials if isinstance(ending, Answered) else None


def _print_front(spec: Any, trials: Any, validation: float, test: float) -> None:
    from rich.console import Console
    from rich.table import Table

    from engine.runs.summary import describe_bits, describe_model
    from engine.search import best, front, name_of

    budget = spec.budget
    chosen = best(trials, model_bytes=budget.model_bytes, buffer_bytes=budget.buffer_bytes)
    spent = sum(trial.cost for trial in trials)
    title = (
        f"{spec.space.graph.title} · {name_of(spec.method)} · seed {spec.seed} · "
        f"{len(trials)} runs, {spent:.1f} trainings · hypervolume {validation:.3f}, "
        f"on the test units {test:.3f}"
    )
    table = Table(title=title, title_justify="left")
    for heading in ("found as", "model", "bits", "run"):
        table.add_column(heading)
    for heading in ("validation", "integer", "model bytes", "buffer bytes", ""):
        table.add_column(heading, justify="right")
    for trial in front(trials):
        told = (trial.validation, trial.result)
        table.add_row(
            trial.proposal.origin,
            describe_model(trial.spec.model),
            describe_bits(trial.spec),
            trial.spec.key[:12],
            *(f"{100 * v:.1f} %" if trial.merit == "accuracy" else f"{v:.4g}" for v in told),
            f"{trial.model_bytes:,}",
            f"{trial.buffer_bytes:,}",
            "answer" if trial == chosen else "",
        )
    Console().print(table)
