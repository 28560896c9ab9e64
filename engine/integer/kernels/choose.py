"""The class of the largest score of each row."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import routine
from engine.integer.kernels.vectors import element, fields, put
from engine.integer.kernels.work import Work, work

ROWS = 16_384
"""Rows of a part."""

u = np.uintp


def choose(scores: NDArray[np.float32], classes: NDArray[np.int32]) -> tuple[Work, ...]:
    """Write the column of each row's largest number, of equals the first.

    Args:
        scores: [N, C], C > 0.
        classes: [N].
    """
    rows, columns = scores.shape
    operands: tuple[Any, ...] = np.ascontiguousarray(scores), classes, rows, columns
    return (work(_choosing(), -(-rows // ROWS), 0, *operands),)


@cache
def _choosing() -> int:
    number = np.float32(0)

    def choose_rows(of: int, part: int, scratch: int) -> None:
        scores, classes, rows, columns = fields(u(of), 4)
        for row in range(part * ROWS, min((part + 1) * ROWS, rows)):
            place = u(scores + 4 * row * columns)
            largest, chosen = element(number, place, u(0)), 0
            for column in range(1, columns):
                score = element(number, place, u(column))
                if score > largest:
                    largest, chosen = score, column
            put(np.int32(chosen), u(classes), u(row))

    return routine(choose_rows)
