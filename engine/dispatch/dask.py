"""Workers of a Dask cluster, by its scheduler's address.

A cluster is trusted with this process: Dask's own messages hold pickles, both ways. Whoever can
reach a scheduler can have its workers, and its clients, run anything, so it belongs in a network of
one's own, or behind TLS with certificates of one's own (an address that begins with ``tls://``).
What graphbits sends through it is JSON and bytes, and is read as such.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

from engine.dispatch.workers import Message, Opened, Workers
from engine.spec import SpecError

ANSWERS_WITHIN_S = 15
"""How long a scheduler may take to answer at first."""

TOPIC = "graphbits"
"""What tasks say on the scheduler; it keeps the newest few thousand messages of a topic."""

log = logging.getLogger(__name__)


def cluster(address: str) -> Workers:
    """Return the workers of a Dask cluster, which have graphbits installed.

    Dask begins a task again whose worker is lost, up to its own ``allowed-failures`` times, and
    drops what a client that is gone had asked for.

    Args:
        address: Of the scheduler, such as ``tcp://host:8786``; TCP where no protocol is named.

    Raises:
        SpecError: When they are opened, if Dask is not installed or no scheduler answers.
    """
    return partial(_cluster, address if "://" in address else f"tcp://{address}")


@contextmanager
def _cluster(address: str) -> Iterator[Opened]:
    try:
        from distributed import Client, KilledWorker
        from distributed.comm.addressing import get_address_host_port
    except ImportError:
        accepts = "nothing before Dask is installed: pip install 'graphbits[dask]'"
        raise SpecError("cluster", address, accepts) from None
    try:
        get_address_host_port(address, strict=True)  # a client of an address that is none lingers
        client = Client(address, timeout=ANSWERS_WITHIN_S, set_as_default=False)
    except (OSError, ValueError) as error:
        accepts = "the address of a Dask scheduler that answers, such as tcp://host:8786"
        raise SpecError("cluster", address, f"{accepts} ({error})") from None
    with client:
        if not client.scheduler_info()["workers"]:
            log.warning("The cluster at %s has no workers yet; runs wait for one.", address)
        asker = uuid4().hex
        said: deque[Message] = deque()

        def hear(event: tuple[float, dict[str, Any]]) -> None:
            if event[1]["to"] == asker:
                said.append(event[1]["message"])

        def heard() -> Sequence[Message]:
            return [said.popleft() for _ in range(len(said))]

        def share(value: Any) -> Any:
            """Make it the outcome of a task: lost with a worker, it is there again at the next."""
            return client.submit(_itself, value, pure=False)

        client.subscribe_topic(TOPIC, hear)
        executor = client.get_executor(pure=False)
        try:
            yield Opened(
                executor=executor,
                wire=ClusterWire(asker),
                heard=heard,
                share=share,
                gave_up=(KilledWorker,),
            )
        finally:
            executor.shutdown(wait=False)


def _itself(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class ClusterWire:
    """A line over the scheduler.

    Args:
        asker: Tells who is meant from others who hear the scheduler.
    """

    asker: str

    @property
    def scratch(self) -> str | None:
        """The worker's own folder, which Dask removes after it."""
        from distributed import get_worker

        folder: str = get_worker().local_directory
        return folder

    def tell(self, message: Message) -> None:
        """Say how far the task is."""
        from distributed import get_worker

        get_worker().log_event(TOPIC, {"to": self.asker, "message": message})

    def is_cancelled(self) -> bool:
        """Return whether nobody waits for the task: it was cancelled, or its client is gone."""
        from distributed import get_worker

        worker = get_worker()
        task = worker.state.tasks.get(worker.get_current_task())
        return task is None or task.state == "cancelled"
