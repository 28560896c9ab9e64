"""What a network learns towards: classes by cross entropy, real targets by their absolute error."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, l1_loss

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


def divergence(outputs: Tensor, wanted: Tensor, y: Tensor) -> Tensor:
    """Return how far outputs are from wanted ones, mean over units; 0 of none.

    Args:
        outputs: Scores, [U, C], or predictions, [U, T].
        wanted: The same of a teacher.
        y: Classes, [U], whose distributions' Kullback-Leibler divergence from the wanted ones is
            taken, or targets, [U, T], of which the absolute difference is.
    """
    if not len(y):
        return outputs.new_zeros(())
    if y.is_floating_point():
        return l1_loss(outputs, wanted)
    logs = outputs.log_softmax(1), wanted.log_softmax(1)
    return kl_div(*logs, reduction="batchmean", log_target=True)


def result(outputs: Tensor, y: Tensor) -> float:
    """Return how good predictions are, as `engine.metrics.merit.result` does."""
    return merit.result(outputs.detach().cpu().numpy(), y.cpu().numpy())
