"""Where the time of a program goes, step by step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.bench.machine import Machine
from engine.bench.traffic import traffic
from engine.integer import NUMBA, Plan
from engine.integer.program import ENTRY
from engine.integer.stages.stage import Step, slot_name


def profile(plan: Plan, machine: Machine, *, rounds: int = 5) -> list[dict[str, Any]]:
    """Return the median time and the bytes of each step of a run, fused as it runs.

    Args:
        plan: The plan.
        machine: The machine.
        rounds: Times the program is run, once more to warm it up.
    """
    schedule = plan.schedule
    times: list[list[float]] = [[] for _ in schedule.steps]
    watched = replace(
        schedule,
        steps=tuple(map(_watched, schedule.steps, times)),
    )
    for _ in range(rounds + 1):
        with watched.result(ENTRY, plan.features, NUMBA):
            pass
    medians = [statistics.median(of_step[1:]) for of_step in times]
    rows = []
    for step, median_ms in zip(schedule.steps, medians, strict=True):
        moved = traffic(plan, step)
        rate = moved / median_ms / 1e6
        rows.append(
            {
                "name": " > ".join(slot_name(s.target) for s in (step.stage, *step.through)),
                "median_ms": median_ms,
                "share": median_ms / sum(medians),
                "bytes_moved": moved,
                "gb_per_s": rate,
                "of_bandwidth": rate / machine.gb_per_s,
                "operations": step.operations,
                "giga_operations_per_s": step.operations / median_ms / 1e6,
            }
        )
    return rows


def _watched(step: Step, times: list[float]) -> Step:
    """Return a step that notes how many milliseconds each run takes."""
    compute: Callable[..., Any] = step.compute

    def timed(*operands: Any) -> Any:
        start = time.perf_counter()
        value = compute(*operands)
        times.append(1000 * (time.perf_counter() - start))
        return value

    return replace(step, compute=timed)
