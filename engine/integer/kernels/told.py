"""What compiled code is told: whole numbers in a row, addresses among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """Numbers that a routine reads from an address.

    Args:
        numbers: The numbers.
        held: What they are or, of addresses, point into.
    """

    numbers: NDArray[np.int64]
    held: list[Any]

    @property
    def address(self) -> int:
        """Where the numbers are."""
        return self.numbers.ctypes.data

    def moved(self, array: NDArray[Any]) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Let go of an array; yield where its address is told, to be told another's."""
        for index, operand in enumerate(self.held):
            if operand is array:
                self.held[index] = None
                yield self.numbers, index
            elif isinstance(operand, Told):
                yield from operand.moved(array)


def told(*operands: Any) -> Told:
    """Return whole numbers as they are, and of arrays and of what else is told the addresses."""
    numbers = np.array([_number(operand) for operand in operands], np.int64)
    return Told(numbers, list(operands))


def _number(operand: Any) -> int:
    if isinstance(operand, np.ndarray):
        return int(operand.ctypes.data)
    return operand.address if isinstance(operand, Told) else int(operand)
