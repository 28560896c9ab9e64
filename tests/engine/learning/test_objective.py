"""The losses, and the results that training goes by."""

from __future__ import annotations

import pytest
import torch

from engine.learning import objective


def test_classes_are_learned_by_cross_entropy() -> None:
    scores, y = torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([1, 0])
    expected = (torch.log(torch.tensor(2.0)) + torch.log1p(torch.exp(torch.tensor(-3.0)))) / 2
    assert objective.loss(scores, y).item() == pytest.approx(expected.item())
    assert objective.result(scores, y) == 0.5


def test_targets_are_learned_by_their_absolute_error() -> None:
    outputs = torch.tensor([[1.0], [5.0]], requires_grad=True)
    y = torch.tensor([[2.0], [2.0]])
    loss = objective.loss(outputs, y)
    assert loss.item() == objective.result(outputs, y) == 2.0
    loss.backward()
    assert outputs.grad.tolist() == [[-0.5], [0.5]]


@pytest.mark.parametrize("kind", [torch.int64, torch.float32])
def test_nothing_to_learn_is_no_loss(kind: torch.dtype) -> None:
    none = torch.zeros(0, dtype=kind)
    assert objective.loss(torch.zeros(0, 2), none).item() == 0.0
    assert objective.result(torch.zeros(0, 2), none) == 0.0
