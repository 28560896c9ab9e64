"""Where the time of a program goes, step by step."""

from __future__ import annotations

import statistics
import time
from typing import Any

from engine.bench.machine import Machine
from engine.bench.traffic import traffic
from engine.integer import Plan
from engine.integer.program import ENTRY
from engine.integer.recording import Player, record
from engine.integer.stages.stage import Slot, Step, Value, slot_name


def profile(plan: Plan, machine: Machine, *, rounds: int = 5) -> list[dict[str, Any]]:
    """Return the median time and the bytes of each step of a run, fused as it runs.

    Args:
        plan: The plan.
        machine: The machine.
        rounds: Times the program is run, once more to warm it up.
    """
    schedule = plan.schedule
    times: dict[Slot, list[float]] = {step.target: [] for step in schedule.steps}

    def watched(step: Step, play: Player) -> Player:
        def timed(values: dict[Slot, Value]) -> None:
            start = time.perf_counter()
            play(values)
            times[step.target].append(1000 * (time.perf_counter() - start))

        return timed

    recording = record(schedule, ENTRY, plan.features)
    for _ in range(rounds + 1):
        recording.timed(watched)
    medians = [statistics.median(of_step[1:]) for of_step in times.values()]
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
