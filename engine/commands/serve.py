"""``graphbits serve``: serve a published folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from engine.commands.workers import CLUSTER


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("serve", help="serve a folder that publish wrote")
    parser.add_argument("folder", type=Path, help="the folder")
    parser.add_argument("--port", type=int, help="where to listen (its voila.json says)")
    parser.add_argument("--cluster", metavar="ADDRESS", help=CLUSTER)
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from explorer.host import host

    host(options.folder, port=options.port, cluster=options.cluster)
    return 0
