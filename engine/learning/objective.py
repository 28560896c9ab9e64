"""What a network learns towards: classes by cross entropy, real targets by their absolute error."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss

from engine.metrics import merit


def loss(outputs: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross entropy of classes, or the mean absolute error of targets; 0 of none.

    Args:
        outputs: Scores, [U, C], or predictions, [U, T].
        y: Classes, [U], or targets, [U, T].
    """
    if not len(y):
        return outputs.new_zeros(())
    return l1_loss(outputs, y) if y.is_floating_point() else cross_entropy(outputs, y)


def result(outputs: Tensor, y: Tensor) -> float:
    """Return how good predictions are, as `engine.metrics.merit.result` does."""
    return merit.result(outputs.detach().cpu().numpy(), y.cpu().numpy())
