"""What is on its way from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engine.learning.features import Features


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a layer takes and leaves.

    Args:
        x: What enters the next layer, [N, F].
        anchor: What left the last layer that is no step of a propagation, [N, C]; None before one.
        dual: What a step hands on to the next beside its scores: elastic's edges [P, C], smp's
            multiplier and slack [2]; None where there is nothing.
    """

    x: Features
    anchor: Tensor | None = None
    dual: Tensor | None = None
