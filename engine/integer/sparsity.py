"""Steps on the few entries that features store, as far as it takes these to leave sparse rows.

Bound stages compute every entry, which is what a trace keeps. A run only needs the scores: where
most features are 0, what first gathers them, over words of a bag or atoms of a molecule, would
else spend its time on zeros.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.integer.kernels.operands import Places
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.stage import Slot, Step, Value


def sparse_steps(steps: Sequence[Step], entry: Slot, features: Value) -> tuple[Step, ...]:
    """Return the same computation, each code equal, with sparse steps where they are quicker.

    Args:
        steps: The bound stages in order.
        entry: The slot that no step fills.
        features: What it holds.
    """
    if not isinstance(features, SparseIntArray):
        return tuple(steps)
    made: dict[Slot, Step] = {}
    for step in steps:
        if entry in step.sources:
            made |= _from(step, features.places, steps) or {}
    return tuple(made.get(step.target, step) for step in steps)


def _from(step: Step, places: Places, steps: Sequence[Step]) -> dict[Slot, Step] | None:
    """Return the sparse steps from one on by what they fill, None if some reader needs all."""
    sparse = step.sparsely(places) if step.sparsely else None
    if sparse is None:
        return None
    made = {step.target: sparse}
    if sparse.places is not None:
        for reader in steps:
            if step.target in reader.sources:
                after = _from(reader, sparse.places, steps)
                if after is None:
                    return None
                made |= after
    return made
