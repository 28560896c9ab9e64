"""The pool's process: ``python -m explorer.pool``, for one explorer or for all of a server's.

With ``--descriptor`` it serves the one explorer at the other end of a socket that it inherited, and
ends with it. With ``--listen`` it serves all that connect to a Unix socket, which only its owner's
processes can, and ends when its standard input closes. One JSON object a line, both ways.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.runs import RunStore, StoreError
from engine.spec import loads
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.pool.executor import LocalWorker
from explorer.pool.pool import Pool

WORKER = (sys.executable, "-m", "engine.worker")
MOST_COMMAND_BYTES = 4 * 1024 * 1024
MOST_UNREAD_BYTES = 64 * 1024 * 1024
"""What a visitor that reads no more is sent at most, before it counts as gone."""
ENDS_WITHIN_S = 8.0
"""How long workers may take to record what they were at, when the pool ends."""


async def serve(options: argparse.Namespace) -> None:
    """Serve until the explorer, or the owner, is gone."""
    loop = asyncio.get_running_loop()
    bounds = OWN_MACHINE
    if options.bounds is not None:
        bounds = loads(Bounds, options.bounds.read_text(encoding="utf-8"))
    worker = [*(options.worker or WORKER), "--store", str(options.store)]
    for folder in options.shipped:
        worker += ["--shipped", str(folder)]
    if options.cluster is not None:
        worker += ["--cluster", options.cluster]
    threads = max(1, (os.cpu_count() or 2) // 2 // bounds.workers)
    pool = Pool(
        bounds,
        lambda hear: LocalWorker(worker, threads, hear),
        loop.call_later,
        finished=lambda: _thin(options.store, bounds.kept),
    )
    try:
        if options.descriptor is not None:
            inherited = socket.socket(fileno=options.descriptor)
            await _attend(
                pool, *await asyncio.open_unix_connection(sock=inherited, limit=MOST_COMMAND_BYTES)
            )
        else:
            await _listen(pool, options.listen)
    finally:
        pool.close()
        workers = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if workers:
            await asyncio.wait(workers, timeout=ENDS_WITHIN_S)
        pool.kill()


async def _listen(pool: Pool, path: Path) -> None:
    visits: set[asyncio.Task[None]] = set()

    def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = asyncio.get_running_loop().create_task(_attend(pool, reader, writer))
        visits.add(visit)
        visit.add_done_callback(visits.discard)

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(attend, path, limit=MOST_COMMAND_BYTES)
    finally:
        os.umask(before)
    owner = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(owner), sys.stdin
    )
    await owner.read()
    server.close()
    for visit in visits:
        visit.cancel()


async def _attend(pool: Pool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass lines between a visitor and the pool, until the visitor is gone."""

    def tell(event: dict[str, Any]) -> None:
        if writer.is_closing():
            return
        writer.write(json.dumps(event).encode() + b"\n")
        if writer.transport.get_write_buffer_size() > MOST_UNREAD_BYTES:
            writer.transport.abort()

    visitor = pool.join(tell)
    try:
        async for line in reader:
            try:
                command = json.loads(line)
            except (ValueError, RecursionError):
                command = None
            pool.ask(visitor, command)
    except (ValueError, OSError):  # a line that is too long, or a broken connection
        pass
    finally:
        pool.leave(visitor)
        writer.close()


def _thin(folder: Path, kept: int) -> None:
    """Remove the oldest of more than so many runs."""
    store = RunStore(folder)
    with contextlib.suppress(StoreError):
        for summary in store.list()[kept:]:
            with contextlib.suppress(StoreError):
                store.delete(summary.key)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the process."""
    parser = argparse.ArgumentParser(prog="python -m explorer.pool", description=__doc__)
    parser.add_argument("--store", type=Path, required=True, help="folder of the run store")
    parser.add_argument("--shipped", type=Path, action="append", default=[], help="read-only store")
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler, to train there")
    parser.add_argument("--bounds", type=Path, help="JSON of the bounds (a person's own machine's)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--descriptor", type=int, help="an inherited socket")
    where.add_argument("--listen", type=Path, help="a Unix socket to make")
    parser.add_argument("worker", nargs="*", help="after --: command that starts a worker")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
