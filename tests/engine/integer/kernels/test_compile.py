"""Kernels are cached where a folder can be written, and may be called from several threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from engine.integer.kernels import compile as compiling

TWO_THREADS = """
import sys, threading, numba
if sys.argv[1] == "workqueue":  # as where neither OpenMP nor TBB is installed
    sys.modules |= {"numba.np.ufunc.omppool": None, "numba.np.ufunc.tbbpool": None}
import numpy as np
from engine.integer.kernels.operands import CodeTarget
from engine.integer.kernels.table import NUMBA

x = np.linspace(-300, 300, 40_000, dtype=np.float32).reshape(200, 200)
expected = np.clip(np.rint(x), -100, 155) + 100

def call():
    for _ in range(100):
        words = np.zeros((200, 200), np.uint8)
        NUMBA.quantize(x, CodeTarget(words, 8, 100, 255, np.ones(1, np.float32)))
        assert (words == expected).all()
    done.append(True)

done = []
threads = [threading.Thread(target=call) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(numba.threading_layer(), len(done))
"""


@pytest.mark.parametrize("layer", ["workqueue", "threadsafe"])
def test_threads_may_call_at_once(layer: str) -> None:
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2"}
    if (folder := compiling._cache_folder()) is not None:
        environment["NUMBA_CACHE_DIR"] = str(folder.parent)
    outcome = subprocess.run(
        [sys.executable, "-c", TWO_THREADS, layer],
        env=environment,
        cwd=Path(__file__).parents[4],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    used, done = outcome.stdout.split()
    assert (used == "workqueue") == (layer == "workqueue" or not compiling._threadsafe())
    assert done == "4"


@pytest.fixture
def unknown_folder(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    compiling._cache_folder.cache_clear()
    yield monkeypatch
    compiling._cache_folder.cache_clear()


def test_cache_is_named_for_the_kernels(unknown_folder: pytest.MonkeyPatch, tmp_path: Path) -> None:
    unknown_folder.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = compiling._cache_folder()
    assert before is not None
    assert before.parent == tmp_path / "graphbits" / "kernels"
    compiling._cache_folder.cache_clear()
    own = tmp_path / "sources"
    own.mkdir()
    (own / "compile.py").write_text("changed")
    unknown_folder.setattr(compiling, "__file__", str(own / "compile.py"))
    assert compiling._cache_folder() != before


def test_without_a_folder_kernels_still_compile(
    unknown_folder: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    unknown_folder.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert compiling._cache_folder() is None
    double = compiling.inner(lambda x: 2 * x)
    assert double(21) == 42


def test_small_work_runs_on_one_thread() -> None:
    all_of_them = numba.get_num_threads()
    with compiling.threads_for(compiling.SMALL - 1):
        assert numba.get_num_threads() == 1
    with compiling.threads_for(compiling.SMALL):
        assert numba.get_num_threads() == all_of_them
    assert numba.get_num_threads() == all_of_them
