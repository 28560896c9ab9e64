"""What a result is judged by: accuracy where classes are learned, mean absolute error elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class Merit:
    """A number that says how good predictions are.

    Args:
        name: What it is called among a run's metrics.
        title: Its name in a sentence.
        more_is_better: Whether it is.
        is_share: Whether it is a share of what was predicted, 0 to 1, not in the targets' unit.
    """

    name: Literal["accuracy", "mae"]
    title: str
    more_is_better: bool
    is_share: bool

    def rank(self, value: float) -> float:
        """Return a number that is larger, the better a value is."""
        return value if self.more_is_better else -value


ACCURACY = Merit(name="accuracy", title="accuracy", more_is_better=True, is_share=True)
"""The share of units whose highest score is their class."""

MAE = Merit(name="mae", title="mean absolute error", more_is_better=False, is_share=False)
"""How far predictions are from their targets on average."""

MERITS = {merit.name: merit for merit in (ACCURACY, MAE)}


def merit_in(metrics: Mapping[str, Any]) -> Merit:
    """Return what the metrics of a run judge its result by."""
    return next((merit for name, merit in MERITS.items() if name in metrics), ACCURACY)


def merit_of(y: NDArray[Any]) -> Merit:
    """Return what predictions of ``y`` are judged by: integers are classes, real numbers targets.

    Args:
        y: Classes, [U], or targets, [U, T].
    """
    return MAE if y.dtype.kind == "f" else ACCURACY


def result(outputs: NDArray[np.floating[Any]], y: NDArray[Any]) -> float:
    """Return how good predictions are by `merit_of`; 0 of none.

        accuracy = mean [argmax_c output_c = y]        mae = mean |output - y|

    Args:
        outputs: Scores, [U, C], or predictions, [U, T].
        y: Classes, [U], or targets, [U, T].
    """
    if not len(y):
        return 0.0
    if merit_of(y) is MAE:
        return float(np.abs(outputs - y).mean(dtype=np.float64))
    return float((outputs.argmax(axis=1) == y).mean())
