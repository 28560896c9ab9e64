"""Packed codes to packed codes of another width, row by row, each code by a table."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.operands import Words
from engine.integer.kernels.vectors import element, fields, put
from engine.integer.kernels.work import Work, work

CODES = 65_536
"""Codes of a part, about."""

u = np.uintp


def recode(
    source: Words,
    bits: int,
    rows: NDArray[np.int64],
    table: NDArray[np.uint16],
    target: Words,
    to_bits: int,
    to_rows: NDArray[np.int64],
    width: int,
) -> tuple[Work, ...]:
    """Write ``table[code]`` for every code of some rows into some rows, all others left alone.

    Args:
        source: Packed rows, [N, W].
        bits: Of their codes, as they are stored.
        rows: Those to be read, [n].
        table: The stored code for each stored code, [2^bits] or as many as occur.
        target: Packed rows, [N', W'].
        to_bits: Of their codes, as they are stored.
        to_rows: Those to be written, each once, [n].
        width: Codes of a row.
    """
    many = max(CODES // max(width, 1), 1)
    operands: tuple[Any, ...] = (
        *(source, rows, table, target, to_rows),
        *(rows.size, width, source.shape[1], target.shape[1], many),
    )
    return (work(_recoding(bits, to_bits), -(-rows.size // many), 0, *operands),)


@cache
def _recoding(bits: int, to_bits: int) -> int:
    unit, to_unit = (np.uint16 if of == 16 else np.uint8 for of in (bits, to_bits))
    unit_bytes, to_bytes = max(bits // 8, 1), max(to_bits // 8, 1)
    held_places, places = max(8 // bits, 1), max(8 // to_bits, 1)
    mask, packs, spreads = (1 << bits) - 1, bits < 8, bits < 8 <= to_bits

    def recode_rows(of: int, part: int, scratch: int) -> None:
        source, rows, table, target, to_rows, count, width, words, to_words, many = fields(
            u(of), 10
        )
        for index in range(part * many, min((part + 1) * many, count)):
            row = element(np.int64(0), u(rows), u(index))
            to_row = element(np.int64(0), u(to_rows), u(index))
            begin = u(source + row * words * unit_bytes)
            into = u(target + to_row * to_words * to_bytes)
            if spreads:  # a word to a code: no column is looked for
                for place in range(held_places):
                    first = place * words
                    for word in range(min(words, width - first)):
                        held = np.int64(element(unit(0), begin, u(word)))
                        code = (held >> (place * bits)) & mask
                        put(
                            to_unit(element(np.uint16(0), u(table), u(code))), into, u(first + word)
                        )
                continue
            for word in range(to_words):
                made = np.int64(0)
                for place in range(places):
                    column = place * to_words + word
                    if column < width:
                        if packs:
                            held = np.int64(element(unit(0), begin, u(column % words)))
                            code = (held >> (column // words * bits)) & mask
                        else:
                            code = np.int64(element(unit(0), begin, u(column)))
                        found = np.int64(element(np.uint16(0), u(table), u(code)))
                        made |= found << (place * to_bits)
                put(to_unit(made), into, u(word))

    return routine(recode_rows)
