"""A published folder under load: visitors who come, look, train, and lose a worker meanwhile.

A visitor here is a page's requests and its kernel's websocket, without the browser that draws: it
gets the page, fetches the widgets' state as a browser does, changes controls one after another, and
trains a run of its own. Linux only, since memory is read from ``/proc``.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import statistics
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tornado.websocket
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from explorer.load.page import MEGABYTE, LoadFailed, Page
from explorer.load.server import Server, memory_of, processor_s
from explorer.publish import publish
from explorer.visitors import PROTOCOL

PATIENCE_S = 1800
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
    idle = memory_of(server)
    spent = [processor_s(pid) for pid in server.kernels()]
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
    memory = memory_of(server)
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
        await page.put(control, **state)
        await page.until(lambda changed: bool(changed & page.charts()))
        told.changes_s.append(time.monotonic() - start)
    await page.rest()

    await page.put(page.find(description="Seed"), value=1000 + number)
    await page.put(page.find(description="Epochs"), value=epochs)
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


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return {"median": statistics.median(ordered), "p95": p95, "most": ordered[-1]}
