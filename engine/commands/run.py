"""``graphbits run``: train and measure a scheme over seeds."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from engine.commands.options import (
    add_graph,
    add_json,
    add_model,
    graph_of,
    model_of,
    widths_of,
    write_json,
)
from engine.commands.workers import add_workers, carrying_out, workers_of
from engine.spec import (
    RULES,
    SCHEMES,
    Bucket,
    Gradient,
    Granularity,
    Protection,
    RunSpec,
    SpecError,
    TrainingSpec,
    Truncation,
    parse_buckets,
    scheme,
    usual_distillation,
    vary,
)
from engine.spec.errors import check_integer
from engine.spec.run import FOLDS

REPORTED = (
    "accuracy.float",
    "accuracy.simulated",
    "accuracy.integer",
    "accuracy.validation",
    "agreement.max_code_difference",
    "agreement.codes_different",
    "agreement.same_class",
    "size.model_bytes",
    "size.float_model_bytes",
    "size.buffer_bytes",
    "cost.bit_operations",
    "latency.integer_ms",
    "latency.float_ms",
    "latency.threads",
    "epoch_ms",
    "best_epoch",
)
"""The metrics of a run that are reported, nested by the dots, where classes are learned."""


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("run", help="train a scheme over seeds and measure its integers")
    add_graph(parser, "digits-knn")
    add_model(parser)
    of = parser.add_argument_group("scheme")
    of.add_argument("--scheme", default="degree-quant", help=f"{', '.join(SCHEMES)} (degree-quant)")
    of.add_argument(
        "--bits", action="append", default=[], help="width, or COMPONENT=WIDTH,… (8); may repeat"
    )
    of.add_argument("--p-min", type=float, help="protection at the smallest in-degree")
    of.add_argument("--p-max", type=float, help="protection at the largest in-degree")
    of.add_argument("--mask-per-layer", action="store_true", help="one protection mask a layer")
    of = parser.add_argument_group("mixes", "what a scheme sets, changed everywhere it applies")
    of.add_argument("--gradient", help=f"gradient rule: {', '.join(get_args(Gradient))}")
    of.add_argument("--rule", help=f"range rule of activations: {', '.join(RULES)}")
    of.add_argument("--granularity", help=f"of weights: {', '.join(get_args(Granularity))}")
    of.add_argument("--momentum", type=float, help="share of the newest batch in moving ranges")
    of.add_argument("--tail", type=float, help="share of entries beyond a percentile range")
    of.add_argument("--range-lr", type=float, help="learning rate of learned steps and ranges")
    of.add_argument(
        "--truncation", help=f"how codes of 2 bits are made: {', '.join(get_args(Truncation))}"
    )
    of.add_argument(
        "--buckets",
        metavar="DEGREE:BITS,…",
        help="widths by in-degree, of all rows of nodes: 4:4,16:2; none takes a scheme's away",
    )
    of = parser.add_argument_group("training")
    of.add_argument("--epochs", type=int, default=200, help="full-graph steps (200)")
    of.add_argument("--lr", type=float, help="learning rate of Adam")
    of.add_argument(
        "--schedule", default="constant", help="of learning rates: constant, cosine (constant)"
    )
    of.add_argument("--weight-decay", type=float, help="L2 penalty on the first layer")
    of.add_argument("--batch", type=int, default=128, help="graphs in a step, of a set (128)")
    of.add_argument("--finetune", action="store_true", help="start from the float model")
    of.add_argument(
        "--distillation", type=float, help="share of the loss from the float model (the scheme's)"
    )
    of.add_argument("--narrowing", help="widths to train in first, such as 8,4 (none)")
    of.add_argument("--seeds", type=int, default=1, help="how many runs (1)")
    of.add_argument("--first-seed", type=int, default=0, help="seed of the first run (0)")
    of.add_argument("--folds", type=int, help="runs over folds 0, 1, …, each with the first seed")
    add_workers(parser)
    add_json(parser)
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Run every seed, draw progress, print the table, write the JSON."""
    from engine.events import Finished
    from engine.runs import RunStore

    workers = workers_of(options)
    check_integer("--seeds", options.seeds, 1, 10_000)
    store = RunStore()
    first = spec_of(options, store.folder)
    results: list[dict[str, Any]] = []
    names: tuple[str, ...] = REPORTED
    specs = runs_of(first, options)
    if workers is not None:
        with carrying_out(store, workers) as carry_out:
            carry_out({spec: title for title, spec in specs})
    for title, spec in specs:
        ending = _watch(spec, store, f"{title} ({len(results) + 1} of {len(specs)})")
        if not isinstance(ending, Finished):
            raise ValueError(f"{title}: {ending.note}")
        names = reported(ending.run.metrics)
        result = {"seed": spec.seed, "key": spec.key, **pick(ending.run.metrics, names)}
        results.append(result if options.folds is None else {"fold": spec.graph.fold, **result})
    report = summarize(results, names)
    _print_table(first, report, names)
    write_json(report, options.json)
    return 0


def _narrowing(text: str | None) -> tuple[int, ...]:
    """Return the widths that an option names, separated by commas.

    Raises:
        SpecError: If it names something else.
    """
    parts = text.split(",") if text else []
    for part in parts:
        if not part.isdecimal():
            raise SpecError("--narrowing", part, "widths separated by commas, such as 8,4")
    return tuple(map(int, parts))


def spec_of(options: argparse.Namespace, folder: Path) -> RunSpec:
    """Return the first run that the options describe.

    Raises:
        SpecError: Naming an invalid option.
        GraphError: If a graph file holds no graph to learn on.
    """
    bits, component_bits = widths_of(options.bits)
    given = {name: getattr(options, name) for name in ("lr", "weight_decay")}
    training = TrainingSpec(
        mode="finetune" if options.finetune else "retrain",
        epochs=options.epochs,
        batch=options.batch,
        schedule=options.schedule,
        distillation=usual_distillation(options.scheme, bits)
        if options.distillation is None
        else options.distillation,
        narrowing=_narrowing(options.narrowing),
        **{name: value for name, value in given.items() if value is not None},
    )
    spec = scheme(
        options.scheme,
        bits=bits,
        component_bits=component_bits,
        graph=graph_of(options, folder),
        model=model_of(options),
        training=training,
        seed=options.first_seed,
    )
    protection = Protection(
        p_min=spec.protection.p_min if options.p_min is None else options.p_min,
        p_max=spec.protection.p_max if options.p_max is None else options.p_max,
        shared=not options.mask_per_layer,
    )
    return vary(
        replace(spec, protection=protection),
        gradient=options.gradient,
        rule=options.rule,
        granularity=options.granularity,
        momentum=options.momentum,
        tail=options.tail,
        range_lr=options.range_lr,
        truncation=options.truncation,
        buckets=_buckets(options.buckets),
    )


def _buckets(text: str | None) -> tuple[Bucket, ...] | None:
    """Return the widths by in-degree that an option names, None for the scheme's own.

    Raises:
        SpecError: If it names something else.
    """
    return None if text is None else parse_buckets("" if text == "none" else text)


def runs_of(first: RunSpec, options: argparse.Namespace) -> list[tuple[str, RunSpec]]:
    """Return each run over seeds or folds, with what tells it from the others.

    Raises:
        SpecError: If the graph has no folds, or both are asked for.
    """
    if options.folds is None:
        seeds = range(first.seed, first.seed + options.seeds)
        return [(f"seed {seed}", replace(first, seed=seed)) for seed in seeds]
    check_integer("--folds", options.folds, 1, FOLDS)
    if options.seeds != 1:
        raise SpecError("--seeds", options.seeds, "1 with --folds: a fold is run once")
    return [
        (f"fold {fold}", replace(first, graph=replace(first.graph, fold=fold)))
        for fold in range(options.folds)
    ]


def reported(metrics: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of a run's metrics that are reported: its errors, where it learned targets.

    Args:
        metrics: The run's.
    """
    from engine.metrics.merit import ACCURACY, merit_in

    merit = merit_in(metrics)
    if merit is ACCURACY:
        return REPORTED
    names = (name.replace("accuracy.", f"{merit.name}.") for name in REPORTED)
    return tuple(name for name in names if name != "agreement.same_class")


def pick(metrics: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Return the named metrics, names nested by their dots."""
    picked: dict[str, Any] = {}
    for name in names:
        source, target = metrics, picked
        *outer, leaf = name.split(".")
        for part in outer:
            source, target = source[part], target.setdefault(part, {})
        target[leaf] = source[leaf]
    return picked


def summarize(seeds: list[dict[str, Any]], names: tuple[str, ...] = REPORTED) -> dict[str, Any]:
    """Return the seeds' results with mean and sample standard deviation of every metric named."""
    mean: dict[str, Any] = {}
    sd: dict[str, Any] = {}
    for name in names:
        values = [float(value) for value in column(seeds, name)]
        *outer, leaf = name.split(".")
        for of, value in (
            (mean, statistics.fmean(values)),
            (sd, statistics.stdev(values) if len(values) > 1 else 0.0),
        ):
            for part in outer:
                of = of.setdefault(part, {})
            of[leaf] = value
    return {"seeds": seeds, "mean": mean, "sd": sd}


def column(seeds: list[dict[str, Any]], name: str) -> Iterator[Any]:
    """Yield each seed's value of a dotted name."""
    for seed in seeds:
        value: Any = seed
        for part in name.split("."):
            value = value[part]
        yield value


def _watch(spec: RunSpec, store: Any, title: str) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from engine.events import EpochDone, Started
    from engine.experiment import run

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} epochs"),
        TextColumn("{task.fields[state]}"),
        TimeRemainingColumn(),
    )
    ending: Any = None
    is_share = True
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(title, total=spec.training.epochs, state="")
        for ending in run(spec, store):
            if isinstance(ending, Started):
                progress.update(task, total=ending.epochs, completed=0)
                is_share = ending.merit.is_share
            elif isinstance(ending, EpochDone):
                judged = ending.validation
                told = f"{100 * judged:.1f} %" if is_share else f"error {judged:.4g}"
                state = f"loss {ending.loss:.3f}  validation {told}"
                progress.update(task, completed=ending.epoch, state=state)
    return ending


def _print_table(spec: RunSpec, report: dict[str, Any], names: tuple[str, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    from engine.runs.summary import describe_bits, describe_model

    seeds = report["seeds"]
    runs = f"{len(seeds)} {'fold' if 'fold' in seeds[0] else 'seed'}{'s'[: len(seeds) > 1]}"
    title = (
        f"{spec.graph.title} · {describe_model(spec.model)} · "
        f"{describe_bits(spec)} · {spec.training.mode} · {runs}"
    )
    table = Table(title=title, title_justify="left")
    for heading, justify in (("", "left"), ("mean", "right"), ("sd", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name in names:
        mean, sd = column([report["mean"], report["sd"]], name)
        percent = name.startswith(("accuracy", "agreement")) and "max" not in name
        scale, unit = (100, " %") if percent else (1, "")
        digits = 0 if mean * scale >= 1000 else 3 if name == "agreement.codes_different" else 2
        table.add_row(name, f"{scale * mean:,.{digits}f}{unit}", f"{scale * sd:,.{digits}f}{unit}")
    Console().print(table)
