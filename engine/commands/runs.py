"""``graphbits runs``: list the store."""

from __future__ import annotations

import argparse
from typing import Any

from engine.spec.errors import check_integer


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("runs", help="list the runs in the store")
    parser.add_argument("--graph", help="only of this graph")
    parser.add_argument("--limit", type=int, default=30, help="at most so many, newest first (30)")
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Print a table of runs."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from engine.metrics.merit import merit_in
    from engine.runs import RunStore

    check_integer("--limit", options.limit, 1, 1_000_000)
    store = RunStore()
    console = Console()
    console.print(escape(f"Runs in {store.folder}"), soft_wrap=True)
    table = Table()
    for heading in ("key", "graph", "model", "bits", "mode", "seed", "status", "integer", "float"):
        table.add_column(heading, justify="right" if heading in ("integer", "float") else "left")
    for row in store.list(graph=options.graph, limit=options.limit):
        merit = merit_in(row.metrics)
        results = row.metrics.get(merit.name, {})
        table.add_row(
            row.key[:12],
            escape(row.graph),
            row.model,
            row.bits,
            row.mode,
            "" if row.seed is None else str(row.seed),
            row.status,
            *(_told(results.get(name), merit.is_share) for name in ("integer", "float")),
        )
    console.print(table)
    return 0


def _told(value: float | None, is_share: bool) -> str:
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if is_share else f"{value:.4g} mae"
