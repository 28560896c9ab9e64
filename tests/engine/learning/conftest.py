"""A slow, obvious fake quantization that the learning wing's tests compare with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.affine import QParams


@pytest.fixture(scope="session")
def on_grid() -> Callable[[Tensor, QParams], Tensor]:
    """Return what moves numbers onto a grid in float32, as training does."""

    def move(x: Tensor, params: QParams) -> Tensor:
        zero = params.zero.astype(np.float32)
        rounded = np.rint(x.detach().numpy() / params.scale) + zero
        codes = np.clip(rounded, params.spec.qmin, params.spec.qmax)
        return torch.from_numpy((codes - zero) * params.scale)

    return move
