"""Weights as the products read them, laid out once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Accumulator, Matrix
from engine.integer.kernels.pairs import WOVEN, quad_bytes
from engine.integer.kernels.sparse_product import COLUMNS
from engine.integer.kernels.tile import STEP_BYTES
from engine.integer.packing import IntArray, pack, zero_offset

IntCodes = NDArray[np.int32]

NO_START = np.zeros(0, np.int32)
SHORTEST = 4
"""Steps between two widenings below which 16-bit operands are faster."""
PIECE_BYTES = 8192
"""Bytes of weights after which a tile moves on, so that they stay near."""
PIECE = PIECE_BYTES // STEP_BYTES
"""The steps of as many."""
COUNTED = 255 // 8
"""Steps of bits whose counts fit a byte."""


def dense_matrix(weight: IntArray, source: QParams, accumulator: Accumulator) -> Matrix:
    """Return weights laid out to be multiplied by codes.

    Args:
        weight: [F, F'].
        source: Parameters of the codes.
        accumulator: Type of the sums.
    """
    codes = weight.codes() - weight.params.zero
    if _wide(weight, source, accumulator):
        return Matrix(*weight.packed, codes.astype(accumulator), NO_START, 1)
    if source.is_sign and weight.params.is_sign and weight.params.spec.signed:
        return _of_signs(weight, source)
    scaled = source.spec.stride * codes
    lanes, piece, level = _laid_out(scaled, source.spec.last)
    start = _started(lanes, -zero_offset(source) * codes.sum(axis=0))
    return Matrix(*weight.packed, lanes, start, piece, level)


def _of_signs(weight: IntArray, source: QParams) -> Matrix:
    """Return signs laid out to be compared with codes of 1 bit.

    A bit of ``code ^ opposite`` is an agreement, and ``sum code weight`` the agreements less the
    opposites that a column has.
    """
    codes = weight.codes()
    words = pack(np.ascontiguousarray(-codes.T), weight.params.spec)
    lanes = _lanes(words.T, np.uint8, STEP_BYTES)
    opposites, total = (codes < 0).sum(axis=0), codes.sum(axis=0)
    start = _started(lanes, -source.spec.stride * opposites - zero_offset(source) * total)
    return Matrix(*weight.packed, lanes, start, COUNTED)


def sparse_matrix(weight: IntArray, source: QParams, accumulator: Accumulator) -> Matrix:
    """Return weights laid out to be multiplied by sparse codes; arguments as of `dense_matrix`."""
    codes = weight.codes() - weight.params.zero
    if _wide(weight, source, accumulator):
        return Matrix(*weight.packed, codes.astype(accumulator), NO_START, 1)
    inputs, outputs = codes.shape
    registers = -(-outputs // COLUMNS)
    filled = np.zeros((inputs, registers * COLUMNS), np.int16)
    filled[:, :outputs] = codes
    ordered = filled.reshape(inputs, registers, COLUMNS)[:, :, WOVEN]
    lanes = roomy(np.ascontiguousarray(ordered).reshape(filled.shape))
    return Matrix(*weight.packed, lanes, NO_START, 1)


def _wide(weight: IntArray, source: QParams, accumulator: Accumulator) -> bool:
    """Return whether sums or codes have more bits than vectors are made for."""
    return accumulator != np.int32 or max(weight.params.spec.bits, source.spec.bits) > 8


def _laid_out(codes: IntCodes, largest: int) -> tuple[NDArray[np.integer[Any]], int, int]:
    """Return weights as a tile takes them on this machine, its steps at once, and their level.

    Args:
        codes: Weights less the code of zero, [F, F'].
        largest: The largest unsigned code of what they are multiplied by.
    """
    least, most = int(codes.min(initial=0)), int(codes.max(initial=0))
    if (longest := quad_bytes()) and most - least <= 255:
        level = max(most - 127, 0) + min(least + 128, 0)
        return _lanes(codes - level, np.int8, longest), PIECE_BYTES // longest, level
    if least >= -128 and most <= 127 and (piece := _bytes_piece(codes, largest)) >= SHORTEST:
        return _lanes(codes, np.int8, STEP_BYTES), piece, 0
    return _lanes(codes, np.int16, STEP_BYTES), PIECE, 0


def _bytes_piece(codes: IntCodes, largest: int) -> int:
    """Return how many steps of bytes add up within 16 bits; arguments as of `_laid_out`."""
    size = np.abs(codes)
    pairs = size[::2].copy()
    pairs[: size.shape[0] // 2] += size[1::2]
    return min(32767 // max(largest * int(pairs.max(initial=0)), 1), PIECE)


def _lanes(
    codes: NDArray[Any], kind: type[np.integer[Any]], register_bytes: int
) -> NDArray[np.integer[Any]]:
    """Return weights in blocks of columns and steps of k, [blocks, steps, k and columns]."""
    together, columns = 4 // np.dtype(kind).itemsize, register_bytes // 4
    inputs, outputs = codes.shape
    steps, blocks = -(-inputs // together), -(-outputs // columns)
    filled = np.zeros((steps * together, blocks * columns), kind)
    filled[:inputs, :outputs] = codes
    by_lane = filled.reshape(steps, together, blocks, columns).transpose(2, 0, 3, 1)
    return roomy(np.ascontiguousarray(by_lane).reshape(blocks, steps, columns * together))


def _started(lanes: NDArray[np.integer[Any]], start: IntCodes) -> IntCodes:
    """Return what sums of columns start from, filled up with 0 as the weights are."""
    filled = np.zeros(lanes.shape[0] * lanes.shape[2] * lanes.itemsize // 4, np.int32)
    filled[: start.size] = start
    return filled
