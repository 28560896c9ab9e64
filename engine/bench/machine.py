"""The machine that is measured on: what it is, and how fast it reads memory."""

from __future__ import annotations

import os
import platform
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numba
import numpy as np

from engine.bench.loops import read

VECTORS = (
    "sse4.2", "avx2", "fma", "avxvnni", "avx512f", "avx512bw", "avx512vnni", "amx-int8",
    "neon", "dotprod", "i8mm", "sve",
)  # fmt: skip
"""Features of a processor that decide how fast narrow integers are."""

READ_BYTES = 1 << 28
"""Bytes read to measure the bandwidth: several times any last cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What ratios depend on.

    Args:
        cpu: Name of the processor.
        cores: Processors that this process may use.
        threads: Threads that every rival uses.
        vectors: Its vector features, of `VECTORS`.
        gb_per_s: Bandwidth of reading memory with these threads, 10^9 bytes a second.
        giga_float_per_s: 10^9 multiply-adds a second of torch's large float32 product; None where
            torch is not loaded.
        python: Its version, and those of the libraries.
        numpy: Of NumPy.
        numba: Of Numba.
        torch: Of torch.
    """

    cpu: str
    cores: int
    threads: int
    vectors: tuple[str, ...]
    gb_per_s: float
    giga_float_per_s: float | None
    python: str
    numpy: str
    numba: str
    torch: str

    def __str__(self) -> str:
        return (
            f"{self.cpu}, {self.cores} cores, {' '.join(self.vectors) or 'no vectors'}; "
            f"{self.threads} threads read {self.gb_per_s:.1f} GB/s\n"
            f"Python {self.python}, NumPy {self.numpy}, Numba {self.numba}, torch {self.torch}"
        )


def machine(threads: int) -> Machine:
    """Return this machine, its bandwidth measured with as many threads of Numba's.

    Args:
        threads: Threads that read.
    """
    features = import_module("llvmlite.binding").get_host_cpu_features()
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1,
        threads=threads,
        vectors=tuple(name for name in VECTORS if features.get(name)),
        gb_per_s=bandwidth(threads) / 1e9,
        giga_float_per_s=_float_peak() / 1e9 if "torch" in sys.modules else None,
        python=platform.python_version(),
        **{library: version(library) for library in ("numpy", "numba", "torch")},
    )


def bandwidth(threads: int, size_bytes: int = READ_BYTES, rounds: int = 5) -> float:
    """Return how many bytes a second are read from memory: the best of some rounds.

    Args:
        threads: Threads that read.
        size_bytes: Bytes read in a round.
        rounds: Rounds.
    """
    outer = numba.get_num_threads()
    numba.set_num_threads(threads)
    numbers = np.ones(size_bytes // 8, np.int64)
    best = np.inf
    for _ in range(rounds + 1):  # the first one compiles
        start = time.perf_counter()
        read(numbers)
        best = min(best, time.perf_counter() - start)
    numba.set_num_threads(outer)
    return numbers.nbytes / best


def _float_peak(size: int = 1024, rounds: int = 5) -> float:
    """Return how many multiply-adds a second torch's float32 product does: the best of some."""
    import torch

    square = torch.ones(size, size)
    best = np.inf
    for _ in range(rounds):
        start = time.perf_counter()
        square @ square
        best = min(best, time.perf_counter() - start)
    return size**3 / best


def peak_bytes() -> int | None:
    """Return the most memory that this process ever held, None where the system does not say."""
    try:
        resource = import_module("resource")
    except ImportError:
        return None
    most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def free_bytes() -> int | None:
    """Return the memory that can still be had, None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))


def busy_s() -> float | None:
    """Return the processor seconds that all processes took so far, None where unknown."""
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    user, nice, system, _idle, _wait, *others = map(int, line.split()[1:])
    return (user + nice + system + sum(others[:3])) / os.sysconf("SC_CLK_TCK")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
