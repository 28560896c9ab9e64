"""Threads: one where the work is small, and as before afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from engine.learning.features import features
from engine.learning.threads import SMALL, forward_operations, threads_for


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


def test_operations_of_a_forward() -> None:
    x = np.eye(5, 3, dtype=np.float32)
    # features by weight, then 2 more layers' weights, then 7 edges in each of 3 layers
    for_dense = 15 * 4 + 2 * 5 * 16 + 3 * 7 * 4
    assert forward_operations(features(x), 7, hidden=4, layers=3) == for_dense
    sparse = features(csr_array(x))
    assert forward_operations(sparse, 7, hidden=4, layers=3) == for_dense - 12 * 4
