"""Where the slots of a run lie: one block of memory in which each takes the place of a dead one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.integer.kernels.memory import ALIGNMENT
from engine.integer.stages.stage import Buffer, Slot


@dataclass(frozen=True, slots=True)
class Life:
    """How long a slot is held in a run.

    Args:
        size_bytes: Its size.
        first: The step that fills it.
        last: The last step that reads it.
    """

    size_bytes: int
    first: int
    last: int

    def meets(self, other: Life) -> bool:
        """Return whether both are held at once."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each slot lies in a block of memory.

    Args:
        places: Start and size of each slot in bytes.
        size_bytes: Size of the block.
    """

    places: Mapping[Slot, tuple[int, int]]
    size_bytes: int

    def buffer(self, block: Buffer, slot: Slot) -> Buffer | None:
        """Return the bytes of a slot, None if it has no place."""
        if slot not in self.places:
            return None
        start, size = self.places[slot]
        return block[start : start + size]


def lay_out(lives: Mapping[Slot, Life]) -> Layout:
    """Return a layout in which no two slots that are held at once overlap.

    Of two it is the smaller one: the largest slot first, each as low as it can lie; or, as they
    are filled, one low and the next one high, which is as small as can be where each slot is read
    by the next step only.

    Args:
        lives: How long each slot is held.
    """
    by_size = sorted(lives, key=lambda slot: -lives[slot].size_bytes)
    in_time = sorted(lives, key=lambda slot: lives[slot].first)
    steps = {life.first for life in lives.values()}
    least = max((_held(lives, step) for step in steps), default=0)
    layouts = _placed(by_size, lives, 0), _placed(in_time, lives, least)
    return min(layouts, key=lambda layout: layout.size_bytes)


def _placed(order: Sequence[Slot], lives: Mapping[Slot, Life], top: int) -> Layout:
    """Return the layout of slots in some order; every other one is placed high, but below a top."""
    places: dict[Slot, tuple[int, int]] = {}
    for index, slot in enumerate(order):
        life, size = lives[slot], _lines(lives[slot].size_bytes)
        taken = sorted(places[other] for other in places if life.meets(lives[other]))
        gaps, start = [], 0
        for begin, length in taken:
            gaps.append((start, begin))
            start = max(start, begin + _lines(length))
        low = next((begin for begin, end in gaps if begin + size <= end), start)
        gaps.append((start, top))
        high = max((end - size for begin, end in gaps if begin + size <= end), default=low)
        places[slot] = (high if index % 2 else low), life.size_bytes
    ends = (start + _lines(size) for start, size in places.values())
    return Layout(places, max(ends, default=0))


def _held(lives: Mapping[Slot, Life], step: int) -> int:
    held = [life.size_bytes for life in lives.values() if life.first <= step <= life.last]
    return sum(map(_lines, held))


def _lines(size: int) -> int:
    """Return a size rounded up to whole lines of cache."""
    return -(-size // ALIGNMENT) * ALIGNMENT
