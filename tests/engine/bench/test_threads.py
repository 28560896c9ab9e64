"""Of torch's ways the fastest is chosen, one thread among them."""

from __future__ import annotations

import time

import pytest
import torch

from engine.bench import threads
from engine.bench.threads import fastest


def test_the_fastest_is_chosen() -> None:
    def slow() -> str:
        time.sleep(0.02)
        return "slow"

    assert fastest(slow, lambda: "fast")() == "fast"


def test_one_thread_where_more_are_slower() -> None:
    most = torch.get_num_threads()
    torch.set_num_threads(2)

    def run() -> int:
        time.sleep(0.01 * torch.get_num_threads())
        return torch.get_num_threads()

    try:
        assert fastest(run)() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(most)


def test_what_takes_long_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "LONG_S", 0.0)
    calls = []
    torch.set_num_threads(1)
    fastest(lambda: calls.append(1), lambda: calls.append(2))
    assert calls == [1, 2, 1, 2], "once to warm up, and once"
