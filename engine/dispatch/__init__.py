"""Runs carried out elsewhere: handed to workers by an executor, their records brought to one store.

with Dispatcher(processes(4), RunStore()) as dispatcher:
    dispatcher.begin(specs)
    for spec, event in dispatcher.follow():
        ...

Workers need not share a disk with whoever asks: what a run needs travels to them as bytes, and its
record comes back as bytes. What a run comes to depends on its spec alone, so neither their number
nor the order in which they end changes a result.
"""

from __future__ import annotations

from engine.dispatch.dask import cluster
from engine.dispatch.dispatcher import Dispatcher, WorkersLost, run
from engine.dispatch.local import processes
from engine.dispatch.workers import Message, Opened, Wire, Workers, silent

__all__ = [
    "Dispatcher",
    "Message",
    "Opened",
    "Wire",
    "Workers",
    "WorkersLost",
    "cluster",
    "processes",
    "run",
    "silent",
]
