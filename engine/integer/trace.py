"""Every slot of one forward pass, kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import Codes
from engine.integer.packing import IntArray
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.stage import Slot, Value, Values, real, real_rows, slot_name


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What each slot held, constants and the graph's coefficients included.

    Args:
        values: By slot.
        last: The slot that holds the scores.
    """

    values: Values
    last: Slot

    def value(self, layer: int, name: str) -> Value:
        """Return what a slot held, as it held it.

        Raises:
            KeyError: If the slot was not computed.
        """
        slot = (layer, name)
        if slot not in self.values:
            kept = ", ".join(map(slot_name, sorted(self.values)))
            raise KeyError(f"no slot {slot_name(slot)} in this trace, which holds {kept}")
        return self.values[slot]

    def codes(self, layer: int, name: str) -> Codes | None:
        """Return a slot's signed codes, int32; None if it was held in float32.

        Sparse inputs give the codes of the stored entries, row by row; all others are 0.0.
        """
        value = self.value(layer, name)
        return value.codes() if isinstance(value, IntArray | SparseIntArray) else None

    def real(self, layer: int, name: str, rows: NDArray[np.integer[Any]] | None = None) -> Any:
        """Return a slot's real numbers, float32; sparse inputs stay sparse.

        Args:
            layer: The layer.
            name: The slot's name.
            rows: Which of its rows, [R]; None for all.
        """
        value = self.value(layer, name)
        return real(value) if rows is None else real_rows(value, rows)

    @property
    def scores(self) -> NDArray[np.float32]:
        """The scores, [N, C], or of graphs [G, C]."""
        scores: NDArray[np.float32] = self.real(*self.last)
        return scores

    @property
    def classes(self) -> NDArray[np.int64]:
        """The class of each row of scores, [N] or [G]: the largest score, the first one on ties."""
        classes: NDArray[np.int64] = self.scores.argmax(axis=1)
        return classes
