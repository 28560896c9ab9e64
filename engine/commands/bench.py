"""``graphbits bench``: ratios, measured on this machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from engine.commands.options import add_graph, add_model, graph_of, model_of


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("bench", help="measure ratios: training, preview, inference")
    kinds = parser.add_subparsers(metavar="KIND", required=True)
    for name, about in (
        ("training", "an epoch of Degree-Quant beside plain QAT and float"),
        ("preview", "from a changed bit width to new chart data"),
        ("inference", "the integer forward beside float32"),
    ):
        kind = kinds.add_parser(name, help=about)
        add_graph(kind, "Cora")
        add_model(kind)
        if name != "preview":
            kind.add_argument("--bits", type=int, default=8, help="width (8)")
        kind.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
        kind.set_defaults(act=act, kind=name)


def act(options: argparse.Namespace) -> int:
    """Measure, print, write the JSON."""
    from engine.bench.inference import bench_inference
    from engine.bench.preview import bench_preview
    from engine.bench.training import bench_training
    from engine.runs import store_folder

    folder = store_folder()
    graph, model = graph_of(options, folder), model_of(options)
    if options.kind == "training":
        report = bench_training(graph, model, bits=options.bits, folder=folder)
    elif options.kind == "preview":
        report = bench_preview(graph, model, folder=folder)
    else:
        report = bench_inference(graph, model, bits=options.bits, folder=folder)
    _print(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


def _print(report: dict[str, Any], prefix: str = "") -> None:
    for name, value in report.items():
        if isinstance(value, dict):
            _print(value, f"{prefix}{name}.")
        else:
            shown = f"{value:.3f}" if isinstance(value, float) else value
            print(f"{prefix + name:32} {shown}")
