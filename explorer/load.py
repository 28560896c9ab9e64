"""A published folder under load: visitors who come, look, train, and lose a worker meanwhile.

A visitor here is a page's requests and its kernel's websocket, without the browser that draws: it
gets the page, fetches the widgets' state as a browser does, changes controls one after another, and
trains a run of its own. Linux only, since memory is read from ``/proc``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tornado.websocket
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from explorer.packaged import python_path
from explorer.publish import publish
from explorer.visitors import PROTOCOL

MEGABYTE = 2**20
START_WITHIN_S = 300
PATIENCE_S = 1800
STATUS = re.compile(r'gb-status gb-(\w+)">(\w+)(?:, (\d+) before you)?')
CHANGES: tuple[tuple[str, str | float], ...] = (
    *(("Bits preset", name) for name in ("INT4", "INT8", "W4A8")),
    *(("Bits of weight, layer 1", bits) for bits in ("8", "4", "2")),
    *(("Bits of message, layer 2", bits) for bits in ("4", "6", "2")),
    *(("Bits of input, layer 1", bits) for bits in ("6", "4")),
    *(("Protect p_max", 0.2), ("Protect p_max", 0.3), ("Protect p_min", 0.1)),
    *(("Model", name) for name in ("GAT", "APPNP", "GCN")),
    *(("Layer", name) for name in ("1", "2")),
    *(("Error", name) for name in ("Own beside inherited", "Total")),
    *(("Measure", name) for name in ("SQNR in dB", "Class flips", "Relative L2")),
    *(("Bits preset", name) for name in ("Degree-Quant 8", "FP32", "Degree-Quant 4")),
)
"""What each visitor changes, one after another: a control's label, and its choice or number."""
PAUSE_S = 0.3
"""A visitor changes something once nothing was heard from the page for so long."""


class LoadFailed(OSError):
    """The server did not start, or a visitor was not served."""


@dataclass(kw_only=True, slots=True)
class Told:
    """What one visitor saw.

    Args:
        first_chart_s: From asking for the page to having the first chart's numbers.
        changes_s: For each of `CHANGES`, from the changed control to the first chart that follows.
        before: The most that were ever before its run.
        status: How its run ended.
        trained_s: From Start to that end.
    """

    first_chart_s: float = 0.0
    changes_s: list[float] = field(default_factory=list)
    before: int = 0
    status: str = ""
    trained_s: float = 0.0


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
        await self.socket.write_message(_encoded("shell", parts), binary=True)

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
            if seen(self._take(*_decoded(message))):
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


class Server:
    """``graphbits serve`` in another process.

    Args:
        folder: The published folder.
        log: Where it writes.
    """

    def __init__(self, folder: Path, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine", "serve", str(folder), f"--port={self.port}"],
                env={**os.environ, "PYTHONPATH": python_path()},
                stdout=out,
                stderr=out,
            )

    async def wait(self) -> None:
        """Wait until it answers and its workers are there.

        Raises:
            LoadFailed: If it does not within some minutes.
        """
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                if self.pids("engine.worker"):
                    return
            await asyncio.sleep(0.2)
        raise LoadFailed(f"the server did not start: {self._log.read_text()[-1000:]}")

    def pids(self, word: str) -> list[int]:
        """Return its descendants whose command holds a word."""
        parents: dict[int, int] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(stat.parent.name)] = int(stat.read_text().rsplit(")", 1)[1].split()[1])
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return [pid for pid in sorted(found) if word in _command(pid)]

    def kernels(self) -> list[int]:
        """Return the processes of the kernels: the zygote's copies, and any started plainly."""
        return [*self.pids("explorer.zygote")[1:], *self.pids("ipykernel")]

    def end(self) -> None:
        """Terminate it, and wait for its end."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()


def load(
    visitors: int,
    *,
    epochs: int = 100,
    every_s: float = 2.0,
    kills: int = 1,
    say: Callable[[str], object] = print,
) -> dict[str, Any]:
    """Publish a folder, serve it, send it visitors, and return what they and the machine saw.

    Args:
        visitors: How many.
        epochs: Of the run that each trains.
        every_s: Seconds between two arrivals.
        kills: How often a worker at work is killed, once all have come.
        say: Told now and then how it goes.

    Raises:
        LoadFailed: If the server does not start, or a visitor is not served.
    """
    with TemporaryDirectory(prefix="graphbits-load-") as place:
        site = publish(Path(place, "site"))
        bounds = replace(site.bounds, visitors=visitors + 1, waiting=2 * visitors + 1)
        site.bounds_file.write_text(json.dumps(asdict(bounds)), encoding="utf-8")
        server = Server(site.folder, Path(place, "log"))
        try:
            return asyncio.run(_scene(server, visitors, epochs, every_s, kills, say))
        finally:
            server.end()


async def _scene(
    server: Server,
    visitors: int,
    epochs: int,
    every_s: float,
    kills: int,
    say: Callable[[str], object],
) -> dict[str, Any]:
    await server.wait()
    busy = [os.getloadavg()[0]]
    start = time.monotonic()
    arrived = asyncio.Semaphore(0)
    all_here = asyncio.Event()

    async def come(number: int) -> Told:
        await asyncio.sleep(number * every_s)
        return await _visit(server.port, number, epochs, arrived, all_here)

    coming = [asyncio.create_task(come(number)) for number in range(visitors)]
    for number in range(visitors):
        await _either(arrived.acquire(), coming)
        say(f"{number + 1} of {visitors} visitors have their charts")
    idle = _memory(server)
    spent = [_processor_s(pid) for pid in server.kernels()]
    all_here.set()
    killed = 0
    for _ in range(kills):
        await asyncio.sleep(10)
        for pid in server.pids("engine.worker")[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
            say("a worker was killed")
    told = await asyncio.gather(*coming)
    busy.append(os.getloadavg()[0])
    memory = _memory(server)
    return {
        "visitors": visitors,
        "epochs": epochs,
        "arrivals_every_s": every_s,
        "processors": os.cpu_count(),
        "load_average": {"start": busy[0], "end": busy[1]},
        "first_chart_s": _spread([visit.first_chart_s for visit in told]),
        "changes": sum(len(visit.changes_s) for visit in told),
        "change_to_chart_s": _spread([seconds for visit in told for seconds in visit.changes_s]),
        "kernel_processor_s": statistics.median(spent),
        "runs": {
            "finished": sum(t.status == "finished" for t in told),
            "lost": sum(t.status != "finished" for t in told),
            "workers_killed": killed,
            "most_before": max(t.before for t in told),
            "last_done_s": max(t.trained_s for t in told),
        },
        "memory_all_here_mb": idle,
        "memory_all_done_mb": memory,
        "seconds": time.monotonic() - start,
    }


async def _either(event: Coroutine[Any, Any, object], coming: Sequence[asyncio.Task[Told]]) -> None:
    """Wait for an event, or for the first visitor that fails."""
    waited = asyncio.create_task(event)
    while not waited.done():
        pending: set[asyncio.Task[Any]] = {task for task in coming if not task.done()}
        await asyncio.wait({waited, *pending}, return_when=asyncio.FIRST_COMPLETED)
        for task in coming:
            if task.done():
                task.result()


async def _visit(
    port: int, number: int, epochs: int, arrived: asyncio.Semaphore, all_here: asyncio.Event
) -> Told:
    """Be one visitor."""
    told = Told()
    start = time.monotonic()
    client = SimpleAsyncHTTPClient(force_instance=True)
    answer = await client.fetch(f"http://127.0.0.1:{port}/", request_timeout=PATIENCE_S)
    found = re.search(rb'"kernelId": *"([0-9a-f-]{36})"', answer.body)
    if found is None:
        raise LoadFailed(f"visitor {number} got a page without a kernel")
    address = f"ws://127.0.0.1:{port}/api/kernels/{found[1].decode()}/channels?session_id={number}"
    page = Page(
        await tornado.websocket.websocket_connect(
            address, subprotocols=[PROTOCOL], max_message_size=256 * MEGABYTE
        )
    )
    control = uuid.uuid4().hex
    await page.say(control, {}, "comm_open")
    await page.say(control, {"method": "request_states"})
    await page.until(lambda _: page.is_whole and bool(page.charts()))
    told.first_chart_s = time.monotonic() - start
    arrived.release()
    await all_here.wait()

    for label, wanted in CHANGES:
        await page.rest()
        control = page.find(description=label)
        options = page.states[control].get("_options_labels", ())
        state = {"index": options.index(wanted)} if options else {"value": wanted}
        start = time.monotonic()
        await _set(page, control, **state)
        await page.until(lambda changed: bool(changed & page.charts()))
        told.changes_s.append(time.monotonic() - start)
    await page.rest()

    await _set(page, page.find(description="Seed"), value=1000 + number)
    await _set(page, page.find(description="Epochs"), value=epochs)
    start = time.monotonic()
    await page.say(
        page.find(description="Start"), {"method": "custom", "content": {"event": "click"}}
    )

    def is_over(_: set[str]) -> bool:
        for text, status, before in page.statuses():
            if f"seed {1000 + number}" in text:
                told.before = max(told.before, before)
                if status in ("finished", "failed", "cancelled", "diverged"):
                    told.status = status
                    return True
        return False

    await asyncio.wait_for(page.until(is_over), PATIENCE_S)
    told.trained_s = time.monotonic() - start
    return told


async def _set(page: Page, comm: str, **state: Any) -> None:
    await page.say(comm, {"method": "update", "state": state, "buffer_paths": []})


def _encoded(channel: str, parts: Sequence[dict[str, Any]]) -> bytes:
    """Return a message as `PROTOCOL` has it: the places of its parts, then the parts."""
    held = [channel.encode(), *(json.dumps(part).encode() for part in parts)]
    places = [8 * (len(held) + 2)]
    for part in held:
        places.append(places[-1] + len(part))
    return struct.pack(f"<{len(places) + 1}Q", len(places), *places) + b"".join(held)


def _decoded(message: bytes) -> tuple[str, dict[str, Any]]:
    """Return the type and the content of what Jupyter sent, its buffers left out."""
    (count,) = struct.unpack_from("<Q", message)
    places = struct.unpack_from(f"<{count}Q", message, 8)
    header, content = (json.loads(message[places[at] : places[at + 1]]) for at in (1, 4))
    return header["msg_type"], content


def _memory(server: Server) -> dict[str, Any]:
    """Return megabytes of each kind of process: its own, and in all as the kernel counts them."""
    kinds = {
        "kernels": server.kernels(),
        "zygote": server.pids("explorer.zygote")[:1],
        "workers": server.pids("engine.worker"),
        "pool": server.pids("explorer.pool"),
        "server": [server.process.pid],
    }
    told: dict[str, Any] = {}
    total = 0.0
    for kind, pids in kinds.items():
        sizes = [size for pid in pids if (size := _size(pid))]
        own = [size["Private_Clean"] + size["Private_Dirty"] for size in sizes]
        total += sum(size["Pss"] for size in sizes)
        told[kind] = {
            "count": len(sizes),
            "own_median": statistics.median(own) if own else 0.0,
            "own_most": max(own, default=0.0),
            "resident_median": statistics.median(size["Rss"] for size in sizes) if sizes else 0.0,
        }
    told["all_together"] = total
    return told


def _size(pid: int) -> dict[str, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in pairs}


def _processor_s(pid: int) -> float:
    """Return the seconds that a process computed so far, 0 of one that is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"median": statistics.median(ordered), "p95": p95, "most": ordered[-1]}
