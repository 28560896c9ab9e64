"""What every test runs in: a home of its own, a copy of the public data, repeatable examples."""

from __future__ import annotations

import json
import os
import signal
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


# A shell has what it starts in the background ignore interrupts, and all that this starts too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


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


class DaskCluster:
    """A Dask scheduler with two workers, processes of this machine.

    They have no nannies: one that a test kills comes back with the next `mend`.

    Args:
        folder: Where they keep what they write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._scheduler = self._start("scheduler", "--port", "0")
        self._workers: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """The scheduler's, once it answers."""
        at, until = self._folder / "scheduler.json", time.monotonic() + 120
        while not at.exists():
            assert self._scheduler.poll() is None, (self._folder / "0.log").read_text()
            assert time.monotonic() < until
            time.sleep(0.05)
        address: str = json.loads(at.read_text(encoding="utf-8"))["address"]
        return address

    def mend(self) -> None:
        """See to it that there are two workers."""
        self._workers = [worker for worker in self._workers if worker.poll() is None]
        here = ("--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder))
        while len(self._workers) < 2:
            self._workers.append(self._start("worker", *here))

    def end(self) -> None:
        """Kill all of them."""
        for process in (*self._workers, self._scheduler):
            process.kill()
            process.wait()

    def _start(self, *part: str) -> subprocess.Popen[bytes]:
        at = self._folder / "scheduler.json"
        place = ["--scheduler-file", str(at), "--host", "127.0.0.1", "--no-dashboard"]
        with (self._folder / f"{self._started}.log").open("wb") as out:
            self._started += 1
            return subprocess.Popen(
                [sys.executable, "-m", "dask", *part, *place],
                cwd=self._folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=out,
            )


@pytest.fixture(scope="session")
def _dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"))
    yield cluster
    cluster.end()


@pytest.fixture
def dask_cluster(_dask: DaskCluster) -> str:
    """Return the address of a Dask scheduler with two workers, whomever tests before killed."""
    address = _dask.address
    _dask.mend()
    return address
