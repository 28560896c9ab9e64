"""Threads: one where the work is small, and as before afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from engine.learning.threads import SMALL, threads_for


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    outer = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(outer)


@pytest.mark.parametrize(("operations", "threads"), [(0, 1), (SMALL - 1, 1), (SMALL, 2)])
def test_small_work_has_one_thread(operations: int, threads: int) -> None:
    with threads_for(operations) as chosen:
        assert chosen == threads == torch.get_num_threads()
    assert torch.get_num_threads() == 2


def test_threads_are_restored_after_an_error() -> None:
    with pytest.raises(KeyError), threads_for(1):
        raise KeyError
    assert torch.get_num_threads() == 2
