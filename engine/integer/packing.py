"""Codes as they are stored: unsigned, several in a word, beside the parameters they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import affine
from engine.affine import Codes, QParams, Real
from engine.integer.kernels.operands import Packed, Words
from engine.spec import QuantSpec


def word_type(spec: QuantSpec) -> np.dtype[Any]:
    """Return the type of the words that hold a spec's codes."""
    return np.dtype(np.uint16 if spec.storage_bits == 16 else np.uint8)


def word_count(width: int, spec: QuantSpec) -> int:
    """Return the words that a row of ``width`` codes takes."""
    return -(-width * spec.storage_bits // (8 * word_type(spec).itemsize))


def pack(codes: Codes, spec: QuantSpec) -> Words:
    """Return codes packed along the last axis.

    The first W codes lie in the lowest bits of the W words, the next W above them, and so on.

    Args:
        codes: Signed codes within the spec's, [..., F].
        spec: Gives the smallest code, which is stored as 0, the next one as 1, and the bits.

    Returns:
        uint8 (1, 2, 4 and 8 stored bits) or uint16 words, [..., W].
    """
    kind, words = word_type(spec), word_count(codes.shape[-1], spec)
    places = 8 * kind.itemsize // spec.storage_bits
    unsigned = np.zeros((*codes.shape[:-1], words * places), dtype=kind)
    unsigned[..., : codes.shape[-1]] = (codes - spec.qmin) // spec.stride
    shifts = (np.arange(places) * spec.storage_bits).astype(kind)[:, None]
    by_place = unsigned.reshape(*codes.shape[:-1], places, words) << shifts
    packed: Words = np.bitwise_or.reduce(by_place, axis=-2)
    return packed


def unpack(words: Words, width: int, spec: QuantSpec) -> Codes:
    """Return the signed codes, int32 [..., width], of packed words, [..., W]."""
    bits = spec.storage_bits
    shifts = np.arange(0, 8 * words.itemsize, bits)[:, None]
    by_place = (words[..., None, :].astype(np.int32) >> shifts) & ((1 << bits) - 1)
    unsigned = by_place.reshape(*words.shape[:-1], shifts.size * words.shape[-1])[..., :width]
    codes: Codes = (unsigned * spec.stride + spec.qmin).astype(np.int32)
    return codes


def zero_offset(params: QParams) -> int:
    """Return what is taken off a stored code, times the stride, the same in every channel.

    Without a stride it is the stored code of 0.0.
    """
    return int(params.zero.flat[0]) - params.spec.qmin


def stored_zero(params: QParams) -> int:
    """Return the stored code that 0.0 becomes; as a sign, it is the lower one."""
    return zero_offset(params) if params.has_zero else 0


@dataclass(frozen=True, slots=True, eq=False)
class IntArray:
    """A tensor held in packed codes.

    Args:
        params: The meaning of the codes.
        words: Codes packed along the last axis, [..., W].
        shape: The tensor's shape, [..., F].
    """

    params: QParams
    words: Words
    shape: tuple[int, ...]

    @classmethod
    def quantize(cls, x: Real, params: QParams) -> IntArray:
        """Return real numbers quantized."""
        return cls(params, pack(affine.quantize(x, params), params.spec), np.shape(x))

    def codes(self) -> Codes:
        """Return the signed codes, int32."""
        return unpack(self.words, self.shape[-1], self.params.spec)

    def real(self) -> NDArray[np.float32]:
        """Return the real numbers that the codes stand for."""
        return affine.dequantize(self.codes(), self.params)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed codes."""
        return int(self.words.nbytes)

    @property
    def packed(self) -> Packed:
        """The codes as kernels see them: the rows of a matrix, or a vector as one row."""
        words: Any = np.atleast_2d(self.words)
        spec = self.params.spec
        zero = zero_offset(self.params)
        return Packed(words, spec.storage_bits, zero, self.shape[-1], spec.stride)
