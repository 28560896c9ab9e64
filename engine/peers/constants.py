"""A float program's learned tensors, in torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from engine.integer import Program
from engine.learning.adjacency import Adjacencies
from engine.learning.layers.learned import ACTIVATIONS
from engine.learning.normalizers import pair_normalized
from engine.spec import DiffGroupNorm, LayerSpec, PairNorm

Forward = Callable[[], Tensor]
Constants = Mapping[str, Tensor]
"""A layer's learned tensors in float32, by name."""


def constants(reference: Program) -> list[Constants]:
    """Return the learned tensors of each layer of a float program."""
    return [
        {
            name: torch.from_numpy(np.array(reference.constants[index, name]))
            for name in layer.constants
        }
        for index, layer in enumerate(reference.layers)
    ]


def leave(
    spec: LayerSpec, held: Constants, out: Tensor, h: Tensor, adjacencies: Adjacencies
) -> Tensor:
    """Return what leaves a layer: its output [N, F'] normalised, activated, its input added."""
    match spec.normalization:
        case PairNorm() as how:
            out = pair_normalized(out, how, adjacencies)
        case DiffGroupNorm() as how:
            share = (out @ held["group_weight"]).softmax(1)
            scale = share @ held["group_gain"]
            out = torch.addcmul(out + held["group_bias"], out, scale, value=how.weight)
    out = out.relu_() if spec.activation == "relu" else ACTIVATIONS[spec.activation](out)
    if "after_gain" in held:
        out = held["after_gain"] * out + held["after_bias"]
    return out + h if spec.residual else out
