"""The roofline holds every point whose bytes are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.bench.machine import Machine
from engine.bench.report import Report
from engine.bench.roofline import draw


@pytest.mark.parametrize("peak", [50.0, None])
def test_draws_rivals_and_stages(machine: Machine, peak: float | None) -> None:
    row = {"name": "ours", "operations": 10, "bytes_moved": 5, "giga_operations_per_s": 2.0}
    stage = {**row, "name": "0.feature"}
    report = Report(
        kind="inference",
        machine=replace(machine, giga_float_per_s=peak),
        case={"nodes": 1234},
        rows=[row, {**row, "name": "of unknown bytes", "bytes_moved": None}],
        skipped={},
        others=None,
        peak_bytes=None,
        stages={"ours": [stage]},
    )
    page = draw([report])
    assert "ours" in page
    assert "0.feature" in page
    assert "1,234 nodes" in page
    assert "of unknown bytes" not in page
    assert ("16-bit integers" in page) == (peak is not None)
