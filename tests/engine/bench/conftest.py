"""A machine that was not measured."""

from __future__ import annotations

import pytest

from engine.bench.machine import Machine


@pytest.fixture
def machine() -> Machine:
    return Machine(
        cpu="a processor",
        cores=2,
        threads=1,
        vectors=("avx2",),
        gb_per_s=10.0,
        giga_float_per_s=50.0,
        python="3",
        numpy="2",
        numba="0",
        torch="2",
    )
