"""What every test runs in: a home of its own, a copy of the public data, repeatable examples."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# Numba compiles inside the first example, so examples have no deadline; CI draws the same ones.
settings.register_profile("developer", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if "CI" in os.environ else "developer")

# The test processes share the cores; each would otherwise start one OpenMP thread a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Compiling the kernels takes longer than most tests, so all test processes share what was compiled,
# though each has a home of its own.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path("~/.cache/graphbits/kernels").expanduser()))


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
