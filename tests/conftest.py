"""What every test runs in: a home of its own, a copy of the public data, repeatable examples."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]

# Numba compiles inside the first example, so examples have no deadline; CI draws the same ones.
settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if "CI" in os.environ else "developer")

# The test processes share the cores; each would otherwise start one OpenMP thread a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Compiling the kernels takes longer than most tests, so all test processes share what was compiled,
# though each has a home of its own.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path("~/.cache/graphbits/kernels").expanduser()))


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str) -> None:
    """End with a status that is not that of failed tests, since others were not run."""
    pytest.exit(f"{crashitem} ended its process, and others were not run", returncode=3)


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Wait for no disk: what tests write need not outlive the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep every test, and every process it starts, out of the person's own store and settings."""
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def _own_data(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Point ``GRAPHBITS_DATA`` at links to the raw files in a folder of this process's own.

    PyTorch Geometric writes ``processed/`` beside ``raw/``: the folder given may be read-only, and
    two test processes would write there at once.
    """
    given = os.environ.get("GRAPHBITS_DATA")
    if given is None:
        return
    own = tmp_path_factory.mktemp("data")
    for raw in Path(given).resolve().glob("*/*/raw"):
        link = own / raw.relative_to(Path(given).resolve())
        link.parent.mkdir(parents=True)
        link.symlink_to(raw)
    os.environ["GRAPHBITS_DATA"] = str(own)


@pytest.fixture(scope="session")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Dask scheduler with two workers, processes of this machine.

    They have no nannies: one that a test kills does not come back.
    """
    folder = tmp_path_factory.mktemp("dask")
    at = folder / "scheduler.json"
    place = ["--scheduler-file", str(at), "--host", "127.0.0.1", "--no-dashboard"]
    worker = ["worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(folder)]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for part in (["scheduler", "--port", "0"], worker, worker):
            with (folder / f"{len(processes)}.log").open("wb") as out:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "dask", *part, *place],
                        cwd=folder,
                        env={**os.environ, "PYTHONPATH": str(ROOT)},
                        stdout=out,
                        stderr=out,
                    )
                )
            until = time.monotonic() + 120
            while not at.exists():
                assert processes[0].poll() is None, (folder / "0.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
        yield json.loads(at.read_text(encoding="utf-8"))["address"]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()
