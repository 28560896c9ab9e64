"""The server under load, and what its processes take of the machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from explorer.load.page import LoadFailed
from explorer.packaged import python_path

START_WITHIN_S = 300


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


def memory_of(server: Server) -> dict[str, Any]:
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
        sizes = [size for pid in pids if (size := size_of(pid))]
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


def size_of(pid: int) -> dict[str, float]:
    """Return the megabytes of a process as the kernel counts them, none of one that is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in pairs}


def processor_s(pid: int) -> float:
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
