"""``graphbits bench``: ratios, measured on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.commands.options import add_graph, add_json, add_model, graph_of, model_of, write_json
from engine.spec import GraphSpec, ModelSpec, SpecError

KINDS = {
    "training": "an epoch of Degree-Quant beside plain QAT and float",
    "preview": "from a changed bit width to new chart data",
    "aggregation": "sums over neighbours beside torch's and PyG's",
    "product": "matrix products of codes beside torch's",
    "inference": "the integer forward beside float32",
    "start": "the first forward of a new process: kernels compiled, or found in the cache",
    "visitors": "a published folder under load: memory, first charts, and a worker killed",
}


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("bench", help="measure ratios: " + ", ".join(KINDS))
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for name, about in KINDS.items():
        kind = kinds.add_parser(name, help=about)
        add_json(kind)
        kind.set_defaults(act=act, kind=name)
        if name == "training":
            kind.add_argument("--bits", type=int, default=8, help="width (8)")
            kind.add_argument("--epochs", type=int, default=200, help="of each (200)")
            kind.add_argument("--batch", type=int, default=128, help="graphs in a step (128)")
        if name == "start":
            kind.add_argument("--bits", type=int, nargs="+", default=[8], help="widths (8)")
            kind.add_argument("--model", default="gcn", help="operator (gcn)")
        elif name == "visitors":
            kind.add_argument("--visitors", type=int, default=20, help="how many come (20)")
            kind.add_argument("--epochs", type=int, default=100, help="each trains for (100)")
            kind.add_argument(
                "--every", type=float, default=2.0, metavar="SECONDS", help="one comes (2)"
            )
            kind.add_argument("--kills", type=int, default=1, help="times a worker is killed (1)")
        elif name == "product":
            kind.add_argument("--nodes", type=int, default=50_000, help="rows (50000)")
            kind.add_argument("--hidden", type=int, default=128, help="features after it (128)")
        else:
            add_graph(kind, "Cora")
            add_model(kind)
        if name in RACES:
            _add_race(kind)
            kind.set_defaults(graph=None)


def _add_race(kind: argparse.ArgumentParser) -> None:
    of = kind.add_argument_group("measurement")
    of.add_argument("--degree", type=float, help="mean degree of the graph hubs (10)")
    of.add_argument(
        "--features", type=int, help="features of the graph hubs (32), of a product (128)"
    )
    of.add_argument("--classes", type=int, help="scores of a node (the graph's classes)")
    of.add_argument(
        "--bits", nargs="+", help="widths (8 4 2), of a product 8x8, or 2x8: codes x weights"
    )
    of.add_argument("--threads", type=int, help="threads of every rival (all)")
    of.add_argument("--rounds", type=int, default=9, help="most times each is run (9)")
    of.add_argument("--seconds", type=float, default=60, help="no more than about these (60)")
    of.add_argument("--against", nargs="+", choices=OTHERS, default=OTHERS, help="whom (all)")
    of.add_argument("--only-ours", action="store_true", help="nobody: torch is not even loaded")
    of.add_argument("--profile", action="store_true", help="time each stage of the program as well")
    of.add_argument("--roofline", type=Path, metavar="FILE", help="draw it there, as HTML")
    of.add_argument("--sweep", choices=SWEEPS, help="show how the cost grows with this")


OTHERS = ("torch", "pyg", "loops")
SWEEPS = ("nodes", "degree", "features", "bits", "threads")
RACES = ("aggregation", "product", "inference")


def act(options: argparse.Namespace) -> int:
    """Measure, print, write the JSON."""
    from engine.runs import store_folder

    folder = store_folder()
    if options.kind in RACES:
        return _race(options, folder)
    if options.kind == "start":
        from engine.bench.start import bench_start

        report = bench_start(ModelSpec(operator=options.model), bits=options.bits)
    elif options.kind == "visitors":
        from explorer.load import load

        report = load(
            options.visitors, epochs=options.epochs, every_s=options.every, kills=options.kills
        )
    elif options.kind == "training":
        from engine.bench.training import bench_training

        graph, model = graph_of(options, folder), model_of(options)
        report = bench_training(
            graph,
            model,
            bits=options.bits,
            epochs=options.epochs,
            size=options.batch,
            folder=folder,
        )
    else:
        from engine.bench.preview import bench_preview

        graph, model = graph_of(options, folder), model_of(options)
        report = bench_preview(graph, model, folder=folder)
    _print(report)
    write_json(report, options.json)
    return 0


def _race(options: argparse.Namespace, folder: Path) -> int:
    from engine.bench.race import Effort
    from engine.bench.task import Task, grown

    sized = (options.nodes, options.degree, options.features)
    if options.kind == "product":
        graph, model = GraphSpec(name="hubs", nodes=options.nodes), ModelSpec(hidden=options.hidden)
    else:
        if options.graph is None:
            options.graph = "Cora" if sized == (None, None, None) else "hubs"
        graph, model = graph_of(options, folder), model_of(options)
    task = Task(
        kind=options.kind,
        graph=graph,
        model=model,
        degree=options.degree,
        features=options.features,
        classes=options.classes,
        bits=tuple(map(_pair, options.bits)) if options.bits else None,
        threads=options.threads,
        effort=Effort(
            rounds=options.rounds,
            budget_s=options.seconds,
            against=() if options.only_ours else tuple(options.against),
        ),
        profile=options.profile,
        folder=folder,
    )
    reports = []
    for report in grown(task, options.sweep) if options.sweep else [task.run()]:
        print(report, end="\n\n", flush=True)
        reports.append(report)
    if options.roofline:
        from engine.bench.roofline import draw

        options.roofline.write_text(draw(reports), encoding="utf-8")
    written = [report.json() for report in reports]
    write_json(written if options.sweep else written[0], options.json)
    return 0


def _pair(text: str) -> tuple[int, int]:
    """Return the widths of the codes and of the weights: ``8`` or ``2x8``.

    Raises:
        SpecError: If the text is neither.
    """
    widths = text.replace("×", "x").split("x")
    if not (1 <= len(widths) <= 2 and all(width.isdecimal() for width in widths)):
        raise SpecError("--bits", text, "a width as 8, or two as 2x8")
    return int(widths[0]), int(widths[-1])


def _print(report: dict[str, Any], prefix: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, dict):
            _print(value, f"{prefix}{name}.")
        else:
            shown = f"{value:.3f}" if isinstance(value, float) else value
            print(f"{prefix + name:32} {shown}")
