"""Weights as the products read them, laid out once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.integer.kernels.memory import roomy
from engine.integer.kernels.operands import Accumulator, Matrix
from engine.integer.kernels.pairs import WOVEN
from engine.integer.kernels.sparse_product import COLUMNS
from engine.integer.kernels.tile import LANES
from engine.integer.packing import IntArray, pack, zero_offset

NO_START = np.zeros(0, np.int32)
SHORTEST = 4
"""Steps between two widenings below which 16-bit operands are faster."""
PIECE = 256
"""Steps of 16-bit operands after which a tile moves on, so that its weights stay near."""
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
    piece = _bytes_piece(scaled, source.spec.last)
    kind = np.int8 if piece >= SHORTEST else np.int16
    lanes = _lanes(scaled, kind)
    start = np.zeros(LANES * lanes.shape[0], np.int32)
    start[: codes.shape[1]] = -zero_offset(source) * codes.sum(axis=0)
    return Matrix(*weight.packed, lanes, start, piece if kind is np.int8 else PIECE)


def _of_signs(weight: IntArray, source: QParams) -> Matrix:
    """Return signs laid out to be compared with codes of 1 bit.

    A bit of ``code ^ opposite`` is an agreement, and ``sum code weight`` the agreements less the
    opposites that a column has.
    """
    codes = weight.codes()
    words = pack(np.ascontiguousarray(-codes.T), weight.params.spec)
    lanes = _lanes(words.T, np.uint8)
    start = np.zeros(LANES * lanes.shape[0], np.int32)
    opposites, total = (codes < 0).sum(axis=0), codes.sum(axis=0)
    start[: codes.shape[1]] = -source.spec.stride * opposites - zero_offset(source) * total
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


def _bytes_piece(codes: NDArray[np.int32], largest: int) -> int:
    """Return how many steps of bytes add up within 16 bits, 0 if the weights are no bytes.

    Args:
        codes: Weights less the code of zero, [F, F'].
        largest: The largest unsigned code of what they are multiplied by.
    """
    if not codes.size:
        return PIECE
    if codes.min() < -128 or codes.max() > 127:
        return 0
    size = np.abs(codes)
    pairs = size[::2].copy()
    pairs[: size.shape[0] // 2] += size[1::2]
    return min(32767 // max(largest * int(pairs.max()), 1), PIECE)


def _lanes(codes: NDArray[Any], kind: type[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Return weights in blocks of columns and steps of k, [blocks, steps, k and columns]."""
    together = 4 // np.dtype(kind).itemsize
    inputs, outputs = codes.shape
    steps, blocks = -(-inputs // together), -(-outputs // LANES)
    filled = np.zeros((steps * together, blocks * LANES), kind)
    filled[:inputs, :outputs] = codes
    by_lane = filled.reshape(steps, together, blocks, LANES).transpose(2, 0, 3, 1)
    return roomy(np.ascontiguousarray(by_lane).reshape(blocks, steps, LANES * together))
