"""From scores to classes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from engine.peers.constants import Forward


def chosen(forward: Forward) -> Callable[[], Tensor]:
    """Return a forward that gives the class of each row's largest score, int64 [N]."""

    def classes() -> Tensor:
        return forward().argmax(dim=1)

    return torch.inference_mode()(classes)
