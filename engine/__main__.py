"""The command ``graphbits``: explore, publish, run, list, search, reproduce, measure."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from engine.commands import bench, explore, publish, reproduce, run, runs, search, serve

COMMANDS = (explore, publish, serve, run, runs, search, reproduce, bench)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; 0 where it went well, 1 after a sentence, 2 for a wrong option."""
    parser = argparse.ArgumentParser(
        prog="graphbits", description="Low-precision graph neural networks, run in integers."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.act(options)
    except (ValueError, OSError) as error:
        print(f"graphbits: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("graphbits: interrupted", file=sys.stderr)
        return 130
    return status


if __name__ == "__main__":
    sys.exit(main())
