"""Dropout by the noise that torch's generator gives, drawn several times as fast.

Source:
    Matsumoto and Nishimura, Mersenne Twister: A 623-Dimensionally Equidistributed Uniform
    Pseudo-Random Number Generator, ACM TOMACS 1998.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.kernels.compile import Flags, Floats, kernel

WORDS = 624
"""Words in a generator's state."""
BITS = 24
"""So many of the lowest bits of a drawn word, as a fraction, are a float32 in [0, 1)."""

Words = NDArray[np.uint32]
word: Any = np.uint32


@kernel
def drop(
    words: Words,
    place: int,
    threshold: np.uint32,
    factor: np.float32,
    x: Floats,
    kept: Flags,
    result: Floats,
) -> int:
    """Write ``x`` with some of its entries 0 and the others multiplied by a factor.

    Args:
        words: State of the generator, changed as drawing does, [624].
        place: Next word in it.
        threshold: The noise as an integer of `BITS` bits below which an entry is dropped.
        factor: Of the entries that are kept.
        x: Real numbers, [n].
        kept: Result, [n].
        result: Result, [n].

    Returns:
        The next word's place.
    """
    done = 0
    while done < x.size:
        if place == WORDS:
            _renew(words)
            place = 0
        count = min(WORDS - place, x.size - done)
        drawn = words[place : place + count]
        values, flags = x[done : done + count], kept[done : done + count]
        results = result[done : done + count]
        for i in range(count):
            y = drawn[i]
            y ^= y >> word(11)
            y ^= (y << word(7)) & word(0x9D2C5680)
            y ^= (y << word(15)) & word(0xEFC60000)
            y ^= y >> word(18)
            keep = (y & word(2**BITS - 1)) >= threshold
            flags[i] = keep
            results[i] = values[i] * (factor if keep else np.float32(0))
        done += count
        place += count
    return place


@kernel
def _renew(words: Words) -> None:
    """Replace the words of a state, [624], by the next 624."""
    for k in range(227):  # two loops, as each reads words at one distance
        words[k] = words[k + 397] ^ _mixed(words[k], words[k + 1])
    for k in range(227, 623):
        words[k] = words[k - 227] ^ _mixed(words[k], words[k + 1])
    words[623] = words[396] ^ _mixed(words[623], words[0])


@kernel
def _mixed(first: np.uint32, second: np.uint32) -> np.uint32:
    y = (first & word(0x80000000)) | (second & word(0x7FFFFFFF))
    return (y >> word(1)) ^ ((y & word(1)) * word(0x9908B0DF))  # type: ignore[no-any-return]
