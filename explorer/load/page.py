"""A visitor's page: its connection to its kernel, and what the widgets in it hold."""

from __future__ import annotations

import asyncio
import json
import re
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tornado.websocket

MEGABYTE = 2**20
STATUS = re.compile(r'gb-status gb-(\w+)">(\w+)(?:, (\d+) before you)?')
PAUSE_S = 0.3
"""A visitor changes something once nothing was heard from the page for so long."""


class LoadFailed(OSError):
    """The server did not start, or a visitor was not served."""


@dataclass(slots=True)
class Page:
    """One page's connection to its kernel.

    Args:
        socket: The websocket.
        states: State of each widget, by its id.
        is_whole: Whether all of them were told.
    """

    socket: tornado.websocket.WebSocketClientConnection
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_whole: bool = False

    async def say(self, comm: str, data: dict[str, Any], kind: str = "comm_msg") -> None:
        """Send a widget something, as the page's JavaScript does."""
        content: dict[str, Any] = {"comm_id": comm, "data": data}
        metadata: dict[str, Any] = {}
        if kind == "comm_open":
            content["target_name"] = "jupyter.widget.control"
            metadata["version"] = "1.0.0"
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "load"}
        header |= {"version": "5.3", "username": "", "date": ""}
        parts = [header, dict[str, Any](), metadata, content]
        await self.socket.write_message(encoded("shell", parts), binary=True)

    async def put(self, comm: str, **state: Any) -> None:
        """Change a control."""
        await self.say(comm, {"method": "update", "state": state, "buffer_paths": []})

    async def until(self, seen: Callable[[set[str]], bool]) -> None:
        """Follow the widgets until something is seen.

        Args:
            seen: Gets the ids of the widgets that a message changed.

        Raises:
            LoadFailed: If the connection ends first.
        """
        while True:
            message = await self.socket.read_message()
            if not isinstance(message, bytes):
                raise LoadFailed("a visitor's connection ended")
            if seen(self._take(*decoded(message))):
                return

    def find(self, **traits: Any) -> str:
        """Return the id of the first widget with such traits."""
        for comm, state in self.states.items():
            if all(state.get(name) == value for name, value in traits.items()):
                return comm
        raise LoadFailed(f"the page has no widget with {traits}")

    async def rest(self) -> None:
        """Follow the widgets until nothing was heard of them, and what is shown is of the recipe.

        Raises:
            LoadFailed: If the connection ends first.
        """
        while True:
            try:
                await asyncio.wait_for(self.until(bool), PAUSE_S)
            except TimeoutError:
                if not any("gb-stale" in state["_dom_classes"] for state in self._boxes()):
                    return

    def charts(self) -> set[str]:
        """Return the ids of the charts that show results, and hold something."""
        figures = {comm: state.get("figure") for comm, state in self.states.items()}
        return {
            comm
            for comm, figure in figures.items()
            if isinstance(figure, dict) and figure["data"]
            if "gb-follows" in self.states[comm].get("_dom_classes", ())
        }

    def _boxes(self) -> Iterator[dict[str, Any]]:
        return (state for state in self.states.values() if state.get("_dom_classes"))

    def statuses(self) -> Iterator[tuple[str, str, int]]:
        """Yield text, status and how many are before it, of each line of the queue."""
        for state in self.states.values():
            text = state.get("value")
            if isinstance(text, str) and (found := STATUS.search(text)):
                yield text, found[1], int(found[3] or 0)

    def _take(self, kind: str, content: dict[str, Any]) -> set[str]:
        data = content.get("data", {})
        if kind == "comm_open":
            self.states[content["comm_id"]] = dict(data.get("state", {}))
            return {content["comm_id"]}
        if kind == "comm_close":
            self.states.pop(content["comm_id"], None)
        if kind == "comm_msg" and data.get("method") in ("update", "echo_update"):
            self.states.setdefault(content["comm_id"], {}).update(data["state"])
            return {content["comm_id"]}
        if kind == "comm_msg" and data.get("method") == "update_states":
            self.is_whole = True
            for comm, told in data["states"].items():
                self.states[comm] = dict(told["state"])
            return set(data["states"])
        return set()


def encoded(channel: str, parts: Sequence[dict[str, Any]]) -> bytes:
    """Return a message as `PROTOCOL` has it: the places of its parts, then the parts."""
    held = [channel.encode(), *(json.dumps(part).encode() for part in parts)]
    places = [8 * (len(held) + 2)]
    for part in held:
        places.append(places[-1] + len(part))
    return struct.pack(f"<{len(places) + 1}Q", len(places), *places) + b"".join(held)


def decoded(message: bytes) -> tuple[str, dict[str, Any]]:
    """Return the type and the content of what Jupyter sent, its buffers left out."""
    (count,) = struct.unpack_from("<Q", message)
    places = struct.unpack_from(f"<{count}Q", message, 8)
    header, content = (json.loads(message[places[at] : places[at + 1]]) for at in (1, 4))
    return header["msg_type"], content
