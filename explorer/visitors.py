"""Voila's kernels, one a visitor: so many at a time, ended with their page; and how they talk."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Int

THEMES = ("light", "dark")
PROTOCOL = "v1.kernel.websocket.jupyter.org"
CONTROL = "jupyter.widget.control"
"""What a page opens a comm to, once: that tells it of all widgets."""
CHANNELS = (b"shell", b"control")
KINDS = ("comm_open", "comm_close", "comm_msg", "comm_info_request", "kernel_info_request")
"""What a page says; nothing of it runs code."""
MOST_PARTS = 1000
MOST_MESSAGE_BYTES = 1_000_000
MOST_CONNECTIONS = 8
"""To one kernel."""
AT_ONCE_BYTES = 4_000_000
BYTES_PER_S = 250_000
EACH_BYTES = 1_000
"""What a message counts for besides its bytes, as it is handled and answered."""
MOST_QUERY_CHARACTERS = 32_768
MOST_QUERY_FIELDS = 20


class Visitors(AsyncMappingKernelManager):
    """Starts a kernel for whoever opens the page, unless there are too many or the link is none.

    Voila itself knows no most, and puts a theme's name into the page as it is.
    """

    most = Int(30, help="Kernels at a time").tag(config=True)
    gone_after_s = Int(
        120, help="Seconds without a word or a connection after which a kernel is ended"
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._beginning = 0

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Return the id of a visitor's new kernel.

        Raises:
            HTTPError: 400 for a link that is none, 503 if there are too many visitors.
        """
        check_query((kwargs.get("env") or {}).get("QUERY_STRING", ""))
        if len(self.list_kernel_ids()) + self._beginning >= self.most:
            raise HTTPError(
                503, reason=f"{self.most} visitors are here already, try again in a few minutes"
            )
        self._beginning += 1
        try:
            kernel_id: str = await super().start_kernel(**kwargs)
        finally:
            self._beginning -= 1
        return kernel_id

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is idle, or whose page is gone."""
        kernel = self._kernels.get(kernel_id)
        silent_since = getattr(kernel, "last_activity", None)
        if silent_since is not None and not self._kernel_connections.get(kernel_id, 0):
            if datetime.now(UTC) - silent_since > timedelta(seconds=self.gone_after_s):
                self.log.info("The page of kernel %s is gone.", kernel_id)
                await self.shutdown_kernel(kernel_id)
            return
        await super().cull_kernel_if_idle(kernel_id)


class Connection(ZMQChannelsWebsocketConnection):
    """A page's websocket to its kernel, in the one protocol that pages speak.

    Voila 0.5.13 reads the bytes of any other protocol as if they were of this one, and takes a
    message's word for how many parts it has: with either, one visitor stops the server for all.
    Nor does it mind what widgets a visitor opens, how much is said at once, or over how many
    websockets.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._allowance = Allowance(AT_ONCE_BYTES, BYTES_PER_S)

    @property
    def subprotocol(self) -> str:
        """The one protocol, of a closed websocket too, which Jupyter takes for one without."""
        return PROTOCOL

    async def prepare(self) -> None:
        """Prepare the connection.

        Raises:
            HTTPError: 400 if another protocol is asked for, 429 if the kernel has enough of them.
        """
        asked = self.websocket_handler.request.headers.get("Sec-WebSocket-Protocol", "")
        if PROTOCOL not in (name.strip() for name in asked.split(",")):
            raise HTTPError(400, reason=f"Only {PROTOCOL} is spoken here")
        there = self.multi_kernel_manager._kernel_connections.get(self.kernel_id, 0)
        if there >= MOST_CONNECTIONS:
            raise HTTPError(429, reason="This page is connected too often already")
        await super().prepare()

    def handle_incoming_message(self, incoming_msg: Any) -> None:
        """Pass a message on; whoever sends what is none, or too much, is not heard again."""
        if not self._is_open:
            return
        if not is_message(incoming_msg):
            self.websocket_handler.close(1003, "not a message")
        elif not self._allowance.takes(len(incoming_msg) + EACH_BYTES):
            self.websocket_handler.close(1008, "too much at once")
        elif is_offered(incoming_msg):
            super().handle_incoming_message(incoming_msg)

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[Any]) -> None:
        """Pass a message on to a page that is still there."""
        if self._is_open:
            super().handle_outgoing_message(stream, outgoing_msg)

    @property
    def _is_open(self) -> bool:
        return self.websocket_handler.ws_connection is not None


class Allowance:
    """So many bytes at once, and so many a second after that.

    Args:
        at_once: How many at once.
        per_s: How many a second.
        now_s: The clock.
    """

    def __init__(
        self, at_once: int, per_s: int, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._per_s, self._now_s = at_once, per_s, now_s
        self._left, self._then_s = float(at_once), now_s()

    def takes(self, count: int) -> bool:
        """Take so many if they are left, and return whether they were."""
        now_s = self._now_s()
        regained = (now_s - self._then_s) * self._per_s
        self._left, self._then_s = min(self._left + regained, self._at_once), now_s
        if count > self._left:
            return False
        self._left -= count
        return True


def is_message(message: Any) -> bool:
    """Return whether bytes are laid out as `PROTOCOL` has it: parts, and before them their places.

    The first eight bytes say how many places follow, eight bytes each, little-endian: where each
    part begins, and where the last one ends.
    """
    if not isinstance(message, bytes) or not 8 <= len(message) <= MOST_MESSAGE_BYTES:
        return False
    count = int.from_bytes(message[:8], "little")
    head = 8 * (count + 1)
    if not 6 <= count <= MOST_PARTS or head > len(message):
        return False
    places = [int.from_bytes(message[at : at + 8], "little") for at in range(8, head, 8)]
    return places[0] == head and places == sorted(places) and places[-1] <= len(message)


def is_offered(message: bytes) -> bool:
    """Return whether what `is_message` is something that pages say.

    A page opens one comm, which tells it of the widgets there are; a visitor could open others to
    have widgets made, of any class and without end.
    """
    at = [int.from_bytes(message[8 * place : 8 * place + 8], "little") for place in range(1, 7)]
    channel, header, _, _, content = (message[a:b] for a, b in pairwise(at))
    try:
        kind = json.loads(header)["msg_type"]
        if kind == "comm_open" and json.loads(content)["target_name"] != CONTROL:
            return False
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return channel in CHANNELS and kind in KINDS


def check_query(query: str) -> None:
    """Refuse a page's query that no link has.

    What it says of the recipe, a lesson and what to hide, the kernel checks, and says so in the
    page.

    Raises:
        HTTPError: 400.
    """
    if len(query) > MOST_QUERY_CHARACTERS:
        raise HTTPError(400, reason="The link is too long")
    try:
        given = parse_qs(query, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError:
        raise HTTPError(400, reason="The link has too many fields") from None
    if not set(given.get("theme", ())) <= set(THEMES):
        raise HTTPError(400, reason="The theme of the link is neither light nor dark")
