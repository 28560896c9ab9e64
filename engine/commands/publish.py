"""``graphbits publish``: write a folder that is ready to be served to strangers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.commands.workers import CLUSTER


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("publish", help="write a folder that is ready to be served")
    parser.add_argument("notebook", type=Path, nargs="?", help="what to serve (the explorer)")
    parser.add_argument(
        "--recipe",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="JSON of a run to have ready, with its neighbours; the explorer opens with the first",
    )
    parser.add_argument(
        "--into", type=Path, default=Path("published"), help="a new folder (published)"
    )
    parser.add_argument("--token", action="store_true", help="let in only who knows a token")
    parser.add_argument("--cluster", metavar="ADDRESS", help=CLUSTER)
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Write the folder and say how to serve it."""
    from explorer.publish import new_token, publish, read_recipe, told

    recipes = [read_recipe(path) for path in options.recipe]
    token = new_token() if options.token else None
    site = publish(options.into, options.notebook, recipes, token=token, cluster=options.cluster)
    print(told(site, recipes, token))
    return 0
