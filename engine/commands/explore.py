"""``graphbits explore``: serve the explorer."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command and its options."""
    parser = commands.add_parser("explore", help="serve the explorer in a browser")
    parser.add_argument("--lab", action="store_true", help="in JupyterLab instead of Voila")
    parser.add_argument("--port", type=int, help="where to listen (the first free from 8866 on)")
    parser.add_argument("--no-browser", action="store_true", help="open no browser window")
    parser.set_defaults(act=act)


def act(options: argparse.Namespace) -> int:
    """Serve until interrupted."""
    from explorer.serve import serve

    serve(lab=options.lab, port=options.port, open_browser=not options.no_browser)
    return 0
