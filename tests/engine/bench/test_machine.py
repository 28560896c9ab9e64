"""The machine is described, and what it is measured by is plausible."""

from __future__ import annotations

import numba

from engine.bench.machine import VECTORS, bandwidth, busy_s, free_bytes, machine, peak_bytes


def test_is_described() -> None:
    found = machine(1)
    assert found.cpu
    assert found.cores >= 1
    assert set(found.vectors) <= set(VECTORS)
    assert found.gb_per_s > 0
    assert found.numba == numba.__version__
    assert f"{found.gb_per_s:.1f} GB/s" in str(found)


def test_bandwidth_keeps_the_threads() -> None:
    outer = numba.get_num_threads()
    assert bandwidth(1, size_bytes=1 << 16, rounds=1) > 0
    assert numba.get_num_threads() == outer


def test_memory_and_time_are_known_or_none() -> None:
    for known in (peak_bytes(), free_bytes(), busy_s()):
        assert known is None or known > 0
