"""No two slots that are held at once share a byte, and no byte more is held than needed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.integer.buffers import Life, lay_out
from engine.integer.kernels.memory import ALIGNMENT

LIVES = st.dictionaries(
    st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", "c"])),
    st.builds(
        lambda size, first, length: Life(size, first, first + length),
        st.integers(0, 1000),
        st.integers(0, 8),
        st.integers(0, 3),
    ),
    max_size=12,
)


def held_at_once(lives: dict) -> int:
    """Return the most bytes that are held at once, each slot rounded up to the alignment."""
    ends = range(max((life.last for life in lives.values()), default=0) + 1)
    sizes = {slot: -(-life.size_bytes // ALIGNMENT) * ALIGNMENT for slot, life in lives.items()}
    return max(
        sum(sizes[slot] for slot, life in lives.items() if life.first <= step <= life.last)
        for step in ends
    )


@given(LIVES)
def test_slots_held_at_once_lie_apart(lives: dict) -> None:
    layout = lay_out(lives)
    assert set(layout.places) == set(lives)
    for slot, (start, size) in layout.places.items():
        assert start % ALIGNMENT == 0
        assert size == lives[slot].size_bytes
        assert start + size <= layout.size_bytes
    for one, other in combinations(lives, 2):
        first, last = sorted([layout.places[one], layout.places[other]])
        apart = first[0] + first[1] <= last[0]
        assert apart or not lives[one].meets(lives[other]) or not min(first[1], last[1])


@given(LIVES)
def test_the_block_is_no_larger_than_all_slots_and_no_smaller_than_those_at_once(
    lives: dict,
) -> None:
    size = lay_out(lives).size_bytes
    assert held_at_once(lives) <= size
    assert size <= sum(-(-life.size_bytes // ALIGNMENT) * ALIGNMENT for life in lives.values())


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=9))
def test_a_chain_needs_no_more_than_it_holds_at_once(sizes: list[int]) -> None:
    """Each slot read by the next step only, as in a program without branches."""
    lives = {(i, "a"): Life(size, i, i + 1) for i, size in enumerate(sizes)}
    assert lay_out(lives).size_bytes == held_at_once(lives)


def test_an_exact_layout() -> None:
    lives = {(0, "a"): Life(100, 0, 1), (0, "b"): Life(64, 1, 2), (0, "c"): Life(10, 2, 3)}
    layout = lay_out(lives)
    assert layout.places == {(0, "a"): (0, 100), (0, "b"): (128, 64), (0, "c"): (0, 10)}
    assert layout.size_bytes == 192
    block = np.zeros(192, np.uint8)
    layout.buffer(block, (0, "b"))[:] = 1
    assert block.sum() == block[128:192].sum() == 64
    assert layout.buffer(block, (5, "a")) is None
