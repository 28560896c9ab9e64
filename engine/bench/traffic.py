"""Bytes that the steps of a program must read and write."""

from __future__ import annotations

from engine.integer import Plan
from engine.integer.stages.aggregate import Aggregate
from engine.integer.stages.attention import Attend, Softmax
from engine.integer.stages.gather import Gather
from engine.integer.stages.stage import Step

INDEX_BYTES, START_BYTES = 4, 8
"""Bytes of an edge's source, and of where a row's edges start."""


def traffic(plan: Plan, step: Step) -> int:
    """Return the bytes a step reads and writes, as if there were no cache.

    A gathered row counts once for each edge it is gathered over; all else counts once.

    Args:
        plan: The plan that the step is of.
        step: The step.
    """
    stage = step.stage
    moved = plan.bytes_of(step.target) + sum(map(plan.bytes_of, step.sources))
    if step.ending is not None:
        moved += step.ending.chain.rows.nbytes
    if isinstance(stage, Aggregate | Attend | Gather | Softmax):
        nodes, width = plan.shapes[stage.source]
        edges = step.operations // max(step.shape[1] if isinstance(stage, Softmax) else width, 1)
        row_bytes = plan.bytes_of(stage.source) / max(nodes, 1)
        moved += round((edges - nodes) * row_bytes)
        moved += edges * INDEX_BYTES + step.shape[0] * START_BYTES
        if isinstance(stage, Aggregate) and stage.weight in plan.constants:
            moved += plan.bytes_of(stage.weight)
    return moved
