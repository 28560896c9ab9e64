"""The controller: what it draws follows its logits, and its chances are those of its draws."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from engine.search import Choice
from engine.searching.controller import Controller

WIDTH = Choice(name="0.weight", options=(8, 4, 2))
HIDDEN = Choice(name="hidden", options=(16, 32))
LONE = Choice(name="layers", options=(2,))


@pytest.fixture
def controller() -> Controller:
    return Controller([HIDDEN, LONE, WIDTH], usual=0.7)


@pytest.mark.parametrize("noise", [1.0, 0.5])
def test_draws_are_a_sample_of_the_softmax(controller: Controller, noise: float) -> None:
    generator = torch.Generator().manual_seed(0)
    draws = Counter(controller.draw(WIDTH, noise, generator) for _ in range(4000))
    for option in WIDTH.options:
        chance = controller.log_probability(WIDTH, option, noise).exp().item()
        assert draws[option] / 4000 == pytest.approx(chance, abs=0.03)
    assert {controller.draw(WIDTH, 0.0, generator) for _ in range(20)} == {8}


def test_at_first_a_width_is_usually_the_usual_one(controller: Controller) -> None:
    assert controller.shares(WIDTH, 1.0).tolist() == pytest.approx([0.7, 0.15, 0.15])
    assert controller.shares(HIDDEN, 1.0).tolist() == [0.5, 0.5]
    assert controller.likeliest(WIDTH) == 8
    assert controller.likeliest(HIDDEN) == 16


def test_a_choice_of_one_takes_no_noise(controller: Controller) -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert controller.draw(LONE, 1.0, generator) == 2
    assert torch.equal(before, generator.get_state())


def test_temperature_sharpens(controller: Controller) -> None:
    sharp, flat = (controller.shares(WIDTH, t)[0].item() for t in (0.5, 2.0))
    assert sharp > 0.7 > flat
    controller.shares(WIDTH, 1.0)[0].backward()
    assert [logits.grad is not None for logits in controller.logits] == [False, False, True]


def test_entropy_is_in_bits() -> None:
    assert Controller([HIDDEN], usual=0.5).entropy() == pytest.approx(1)
    assert Controller([], usual=0.5).entropy() == 0
    decided = Controller([HIDDEN], usual=0.5)
    decided.logits[0].data[1] = 50.0
    assert decided.entropy() == pytest.approx(0, abs=1e-6)
    assert decided.likeliest(HIDDEN) == 32
