"""Steps that become one: what follows element by element is done before sums are ever stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from engine.integer.stages.stage import Step


def fuse(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the same computation in fewer steps, each code equal to that of the single ones.

    A step joins the one that fills its source where no other step reads that source and where the
    arithmetic of its link was proven on every code there is.

    Args:
        steps: The bound stages in order.
    """
    readers = Counter(slot for step in steps for slot in set(step.sources))
    fused: list[Step] = []
    for step in steps:
        for index, earlier in enumerate(fused):
            alone = earlier.target in step.sources and readers[earlier.target] == 1
            joined = earlier.then(step) if alone else None
            if joined is not None:
                fused[index] = joined
                break
        else:
            fused.append(step)
    return tuple(fused)
