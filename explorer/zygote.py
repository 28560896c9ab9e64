"""A process that holds all that a kernel needs, and copies itself for each visitor.

To import everything and to load what was compiled takes a kernel seconds of processor time and
most of its memory. A forked copy has both for nothing: its pages are those of the original until
one of the two writes them. Linux only.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from select import POLLIN, poll
from types import TracebackType
from typing import Any

from explorer.forked import fork_kernels
from explorer.warm import expected, warm

LOADED = (
    *("ipykernel.kernelapp", "ipykernel.zmqshell", "explorer.app"),
    *("plotly.graph_objs.scatter", "plotly.graph_objs.layout.annotation"),
    "plotly.graph_objs.layout.legend",
)
"""What a kernel imports, or Plotly when it first draws."""
RENDERER = {"PLOTLY_RENDERER": "plotly_mimetype"}
"""What Plotly shows figures with in a kernel: it looks at whether it is in one when imported."""
SMALL = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
"""What keeps a process small, and free of threads, which no copy would have."""
MOST_ORDER_BYTES = 1 << 20
ENDS_WITHIN_S = 5.0
READY = b"ready"


class NoCopy(OSError):
    """The zygote could not copy itself."""


class Copy:
    """A copy of the zygote, which is no child of this process; used as `subprocess.Popen` is.

    How it ended is known to its parent only, so its exit status is always 0.

    Args:
        pid: Its process.

    Raises:
        ProcessLookupError: If it has ended already.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            os.close(self._handle)

    def poll(self) -> int | None:
        """Return its exit status; None while it lives."""
        return 0 if self._ended(0) else None

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        self._ended(None)
        return 0

    def send_signal(self, number: int) -> None:
        """Send it a signal.

        Raises:
            ProcessLookupError: If it has ended.
        """
        signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, within_ms: int | None) -> bool:
        watch = poll()
        watch.register(self._handle, POLLIN)
        return bool(watch.poll(within_ms))


class Zygote:
    """A context in which copies can be had.

    They end with the zygote, and it ends with this process. One that has died is replaced when the
    next copy is asked for.

    Args:
        command: Starts one, given the number of a socket's descriptor.
    """

    def __init__(self, command: Sequence[str] = (sys.executable, "-m", "explorer.zygote")) -> None:
        self._command = command
        self._one_at_a_time = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    @staticmethod
    def is_possible() -> bool:
        """Return whether this system can tell when a process ends that is not one's child."""
        return hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")

    def __enter__(self) -> Zygote:
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def copy(self, command: Sequence[str], environment: Mapping[str, str], folder: str) -> Copy:
        """Return a copy that goes on as a kernel; waits while the zygote gets ready.

        Args:
            command: What would start the kernel; only its arguments after the module count.
            environment: Its environment.
            folder: Where it works.

        Raises:
            NoCopy: If there is none to be had.
        """
        order = {"command": [*command], "environment": {**environment}, "folder": folder}
        with self._one_at_a_time:
            for _ in range(2):
                try:
                    told = self._answer(json.dumps(order).encode())
                    return Copy(int(told["pid"]))
                except (OSError, ValueError, KeyError) as error:
                    trouble = error
                    self._end()
                    self._start()
        raise NoCopy(f"no kernel could be copied: {trouble}")

    def _answer(self, order: bytes) -> dict[str, Any]:
        if self._channel is None:
            raise NoCopy("the zygote has ended")
        self._channel.send(order)
        told = json.loads(self._channel.recv(MOST_ORDER_BYTES))
        if not isinstance(told, dict):
            raise NoCopy(f"it answered {told}")
        return told

    def _start(self) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [*self._command, str(number)],
                stdin=subprocess.DEVNULL,
                pass_fds=[number],
                env={**os.environ, **SMALL},
            )
        self._channel.recv(len(READY))

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            try:
                self._process.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def ready_kernels() -> Iterator[None]:
    """Have what kernels load lie ready: in a process that they are copies of, else on disk."""
    if not Zygote.is_possible():
        with contextlib.suppress(ValueError, OSError):  # the page says what is wrong
            warm(expected())
        yield
        return
    with Zygote() as zygote:
        fork_kernels(zygote)
        yield


def prepare() -> None:
    """Load all that kernels need, and compile what is not compiled yet, in one thread."""
    os.environ |= RENDERER
    for name in LOADED:
        import_module(name)
    with contextlib.suppress(ValueError, OSError):  # the page says what is wrong
        warm(expected())
    gc.collect()
    gc.freeze()


def become(order: Mapping[str, Any]) -> None:
    """Be a kernel until it ends, in a copy.

    From here on it has the threads of its own environment.

    Args:
        order: Its ``command``, ``environment`` and ``folder``.
    """
    from ipykernel.kernelapp import IPKernelApp

    from engine.integer.kernels.threads import go_by_environment

    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(order["environment"])
    go_by_environment()
    os.chdir(order["folder"])
    command = order["command"]
    IPKernelApp.launch_instance(
        [
            *command[command.index("-f") :],
            f"--IPKernelApp.parent_handle={os.getppid()}",  # it ends with the zygote
            "--IPKernelApp.extensions=ipywidgets",  # which was imported where no kernel was
        ]
    )


def copied(channel: socket.socket) -> dict[str, Any] | None:
    """Copy this process whenever it is asked.

    Returns:
        In a copy, what it shall be; None in the original, once nobody can ask any more.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # copies that ended leave nothing behind
    while message := channel.recv(MOST_ORDER_BYTES):
        order: dict[str, Any] = json.loads(message)
        try:
            pid = os.fork()
        except OSError as error:
            channel.send(json.dumps(str(error)).encode())
            continue
        if pid == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return order
        channel.send(json.dumps({"pid": pid}).encode())
    return None


def main() -> None:
    """Get ready, then copy this process until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all; the server ends us
    prepare()
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(READY)
    order = copied(channel)
    if order is not None:
        become(order)


if __name__ == "__main__":
    main()
