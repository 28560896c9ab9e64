"""Serve the explorer in a browser: as a dashboard (Voila) or as a notebook (JupyterLab)."""

from __future__ import annotations

import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path

from explorer.packaged import notebook, python_path
from explorer.warm import expected, warm
from explorer.zygote import ready_kernels

PORT = 8866
PORTS_TRIED = 50
HOST = "127.0.0.1"
IDLE_KERNEL_ENDS_AFTER_S = 1800


class NoFreePort(OSError):
    """No port could be listened on."""


def serve(*, lab: bool = False, port: int | None = None, open_browser: bool = True) -> None:
    """Serve until interrupted, and say where.

    Args:
        lab: JupyterLab with the notebook open, rather than the dashboard.
        port: Port to listen on; None takes the first free one from `PORT` on. One that is asked
            for and taken gives way to the next free one, which is said.
        open_browser: Open the page in the person's browser.

    Raises:
        NoFreePort: If no port is free.
        NotPackaged: If the packaged notebook is missing.
    """
    # A kernel of the environment this runs in, not one of that name elsewhere in the home folder.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PYTHONPATH"] = python_path()
    page = notebook()
    free = free_port(PORT if port is None else port)
    if port is not None and free != port:
        print(f"Port {port} is taken.")
    if lab:
        with suppress(ValueError, OSError):  # the page says what is wrong with a store or a graph
            warm(expected())
        _serve_lab(page, free, open_browser)
    else:
        with ready_kernels():
            _serve_dashboard(page, free, open_browser)


def free_port(first: int) -> int:
    """Return the first port from ``first`` on that can be listened on.

    Raises:
        NoFreePort: If none of the next 50 can.
    """
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except (OSError, OverflowError):
                continue
            return port
    raise NoFreePort(f"no port from {first} to {first + PORTS_TRIED - 1} can be listened on")


def _serve_dashboard(page: Path, port: int, open_browser: bool) -> None:
    from explorer.pages import Pages

    print(f"graphbits explorer: http://{HOST}:{port}/   (Ctrl-C ends it)", flush=True)
    Pages.launch_instance(
        argv=[
            str(page),
            f"--Voila.ip={HOST}",
            f"--Voila.port={port}",
            "--Voila.port_retries=0",
            f"--Voila.open_browser={open_browser}",
            "--Application.log_level=WARN",
            "--VoilaConfiguration.show_tracebacks=True",
            f"--MappingKernelManager.cull_idle_timeout={IDLE_KERNEL_ENDS_AFTER_S}",
            "--MappingKernelManager.cull_interval=60",
        ]
    )


def _serve_lab(page: Path, port: int, open_browser: bool) -> None:
    from jupyterlab.labapp import LabApp

    copy = Path.cwd() / page.name
    if not copy.exists():
        shutil.copyfile(page, copy)
        print(f"The notebook was put here: {copy}")
    LabApp.launch_instance(
        argv=[
            f"--ServerApp.root_dir={copy.parent}",
            f"--LabApp.default_url=/lab/tree/{copy.name}",
            "--Application.log_level=WARN",  # the address, with its token, is said all the same
            f"--ServerApp.ip={HOST}",
            f"--ServerApp.port={port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.open_browser={open_browser}",
            "--ServerApp.answer_yes=True",
            f"--ServerApp.allow_root={_is_root()}",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.news_url=None",
            "--LabApp.extension_manager=readonly",
        ]
    )


def _is_root() -> bool:
    """Return whether Jupyter would refuse to start without being told that root may."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
