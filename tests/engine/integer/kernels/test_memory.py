"""Memory begins a line of cache, and what lies behind it may be read."""

from __future__ import annotations

import numpy as np
import pytest

from engine.integer.kernels.memory import ALIGNMENT, ROOM_BYTES, aligned, roomy


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_aligned_memory_has_room_behind_it(size: int) -> None:
    memory = aligned(size)
    assert memory.size == size
    assert memory.ctypes.data % ALIGNMENT == 0 or not size
    assert roomy(memory) is memory or not size
    part = memory[: size // 2]
    assert roomy(part) is part or not size


def test_without_room_it_is_a_copy() -> None:
    whole = np.arange(2 * ROOM_BYTES, dtype=np.uint8)
    assert roomy(whole[:ROOM_BYTES]) is not whole
    held = whole[:ROOM_BYTES]
    assert roomy(held) is held
    for tight in (whole, whole[1 : ROOM_BYTES + 2], whole[::2], whole.reshape(2, -1).T):
        copy = roomy(tight)
        assert not np.shares_memory(copy, whole)
        np.testing.assert_array_equal(copy, tight)
        assert roomy(copy) is copy
