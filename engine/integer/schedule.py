"""How a bound program runs: fused steps in order, in memory that is laid out beforehand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from engine.integer.buffers import Layout, Life, lay_out
from engine.integer.fusion import fuse
from engine.integer.kernels.table import Kernels
from engine.integer.stages.stage import Slot, Step, Value


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """The steps of a run, what each releases, and where the slots lie.

    A run holds one block of memory, in which the codes of all steps of integers lie. What float
    stages make, and scores that leave the run in float32, are arrays of their own.

    Args:
        steps: The fused steps in order.
        releases: Slots that no step after each of them reads.
        layout: Where each slot lies in a block.
        peak_bytes: Most bytes that a run holds, those of its entry aside.
        operations: Multiply-adds of a run.
    """

    steps: tuple[Step, ...]
    releases: tuple[tuple[Slot, ...], ...]
    layout: Layout
    peak_bytes: int
    operations: int

    def walk(self, entry: Slot, features: Value, kernels: Kernels) -> Value:
        """Run the steps, each in memory of its own, and return what the last one fills.

        Args:
            entry: The slot that no step fills.
            features: What it holds.
            kernels: What the steps call.
        """
        values = {entry: features}
        for step, done in zip(self.steps, self.releases, strict=True):
            values[step.target] = step.run(values, kernels)
            for slot in done:
                del values[slot]
        return values[self.steps[-1].target]


def schedule(
    steps: Sequence[Step], bytes_of: Callable[[Slot], int], apart: Collection[Slot]
) -> Schedule:
    """Return the schedule of bound stages.

    Args:
        steps: The bound stages in order; the last one fills what a run is for.
        bytes_of: The bytes that a slot takes.
        apart: Slots that need memory of their own, because the run hands them on.
    """
    fused = fuse(steps)
    last = {slot: index for index, step in enumerate(fused) for slot in step.sources}
    end = len(fused) - 1
    lives = {
        step.target: Life(bytes_of(step.target), index, last.get(step.target, end))
        for index, step in enumerate(fused)
    }
    placed = {
        step.target: lives[step.target]
        for step in fused
        if step.ending is not None and step.target not in apart
    }
    layout = lay_out(placed)
    alone = [life for slot, life in lives.items() if slot not in placed]
    most = max(
        sum(life.size_bytes for life in alone if life.first <= index <= life.last)
        for index in range(len(fused))
    )
    return Schedule(
        steps=fused,
        releases=tuple(
            tuple(slot for slot, life in lives.items() if life.last == index < end)
            for index in range(len(fused))
        ),
        layout=layout,
        peak_bytes=layout.size_bytes + most,
        operations=sum(step.operations for step in fused),
    )
