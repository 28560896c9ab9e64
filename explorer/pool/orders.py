"""What visitors ask for, and how it stands on a line: see `engine.worker`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.search import SearchSpec
from engine.spec import GraphSpec, RunSpec, decode, encode

Order = RunSpec | GraphSpec | SearchSpec
"""A run to train, a graph to fetch, a search to carry out."""

COMMANDS: Mapping[type[Order], tuple[str, str]] = {
    RunSpec: ("run", "spec"),
    GraphSpec: ("fetch_graph", "graph"),
    SearchSpec: ("search", "search"),
}
"""Of each kind of order, the command and the name of what it takes."""


def written(order: Order) -> dict[str, Any]:
    """Return the fields of the command that asks for an order."""
    command, name = COMMANDS[type(order)]
    return {"command": command, name: encode(order)}


def read(command: Mapping[str, Any]) -> Order | None:
    """Return the order that a command asks for, None if it asks for none.

    Raises:
        SpecError: Naming the invalid field.
    """
    for kind, (said, name) in COMMANDS.items():
        if command.get("command") == said:
            order: Order = decode(kind, command.get(name))
            return order
    return None
