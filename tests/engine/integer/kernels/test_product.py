"""Products of all widths and shapes equal their twins, and so do the ways they are computed in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.affine import QParams
from engine.integer import IntArray
from engine.integer import weights as laying_out
from engine.integer.kernels import product as multiplying
from engine.integer.kernels.operands import CodeTarget, Matrix, Places
from engine.integer.kernels.pairs import quad_bytes
from engine.integer.kernels.table import NUMBA, NUMPY
from engine.integer.kernels.threads import using_threads
from engine.integer.packing import pack, word_count
from engine.integer.weights import PIECE, SHORTEST, dense_matrix, sparse_matrix
from engine.spec import QuantSpec

INT32, INT64 = np.dtype(np.int32), np.dtype(np.int64)
BITS = [(8, 8), (8, 4), (4, 8), (4, 4), (2, 2), (2, 8), (8, 2), (7, 3), (3, 6), (5, 5)]


QUADS = sorted({0, quad_bytes(), quad_bytes() // 64 * 32})
"""The registers of bytes in fours that this machine has, and none."""


@contextmanager
def having(register_bytes: int) -> Iterator[None]:
    """Take registers of bytes in fours to be of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (laying_out, multiplying):
            patch.setattr(module, "quad_bytes", lambda: register_bytes)
        yield


def held(rng: np.random.Generator, bits: int, shape: tuple[int, int]) -> IntArray:
    """Return codes of any zero point: all lowest, all highest, or anything."""
    spec = QuantSpec(bits=bits, signed=False)
    zero = int(rng.choice([0, spec.qmax, rng.integers(spec.qmax + 1), 1 << (bits - 1)]))
    low, high = [(0, 0), (spec.qmax, spec.qmax), (0, spec.qmax)][rng.choice(3, p=[0.1, 0.2, 0.7])]
    codes = rng.integers(low, high + 1, shape, np.int32)
    return IntArray(QParams(spec, np.float32(1), np.int32(zero)), pack(codes, spec), shape)


def target_of(rng: np.random.Generator, rows: int, width: int) -> CodeTarget:
    """Return a target of 8 bits that keeps sums apart as well as it can; its words hold rubbish."""
    words = np.full((rows, word_count(width, QuantSpec(bits=8))), 0xA5, np.uint8)
    return CodeTarget(words, 8, 100, 255, 10.0 ** rng.uniform(-6, 0, width))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("bits", BITS)
@settings(max_examples=12)
@given(seed=st.integers(0, 2**32 - 1), wide=st.booleans(), quads=st.sampled_from(QUADS))
def test_dense_and_sparse(
    bits: tuple[int, int], threads: int, seed: int, wide: bool, quads: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, width = int(rng.integers(0, 100)), int(rng.integers(1, 75))
    fan_in = int(rng.integers(1, 1500 if wide else 40))
    x, weight = held(rng, bits[0], (rows, fan_in)), held(rng, bits[1], (fan_in, width))
    kind = INT64 if rng.random() < 0.1 else INT32
    count = rng.integers(0, min(fan_in, 9) + 1, rows)
    rowptr = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    column = rng.integers(0, fan_in, rowptr[-1]).astype(np.int32)
    places = Places(rowptr, column, fan_in)
    values = held(rng, bits[0], places.blocks)
    with having(quads):
        dense = x.packed, dense_matrix(weight, x.params, kind)
    sparse = places, values.packed, sparse_matrix(weight, values.params, kind)
    made = target_of(rng, rows, width)
    for name, operands in (("product", dense), ("sparse_product", sparse)):
        twin = made._replace(words=np.zeros_like(made.words))
        with using_threads(threads), having(quads):
            getattr(NUMBA, name)(*operands, made, kind)
        getattr(NUMPY, name)(*operands, twin, kind)
        np.testing.assert_array_equal(made.words, twin.words)


def weights(codes: np.ndarray) -> IntArray:
    spec = QuantSpec(bits=8)
    params = QParams(spec, np.float32(1), np.int32(0))
    return IntArray(params, pack(codes.astype(np.int32), spec), codes.shape)


def codes(bits: int) -> QParams:
    return QParams(QuantSpec(bits=bits, signed=False), np.float32(1), np.int32(0))


SIGNS, BITS_OF_ONE = QuantSpec(bits=1), QuantSpec(bits=1, signed=False)


def drawn(rng: np.random.Generator, spec: QuantSpec, shape: tuple[int, int]) -> IntArray:
    """Return codes of a spec, the code of zero at 0."""
    codes = rng.integers(0, spec.last + 1, shape, np.int32) * spec.stride + spec.qmin
    return IntArray(QParams(spec, np.float32(1), np.int32(0)), pack(codes, spec), shape)


@pytest.mark.parametrize("spec", [SIGNS, BITS_OF_ONE], ids=["signs", "bits"])
@pytest.mark.parametrize(
    "of_weight",
    [SIGNS, QuantSpec(bits=2, ternary=True), QuantSpec(bits=8), QuantSpec(bits=16)],
    ids=["signs", "ternary", "8 bits", "16 bits"],
)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), wide=st.booleans())
def test_codes_of_one_bit(spec: QuantSpec, of_weight: QuantSpec, seed: int, wide: bool) -> None:
    rng = np.random.default_rng(seed)
    rows, width = int(rng.integers(0, 100)), int(rng.integers(1, 75))
    fan_in = int(rng.integers(1, 2500 if wide else 140))
    x, weight = drawn(rng, spec, (rows, fan_in)), drawn(rng, of_weight, (fan_in, width))
    kind = INT64 if rng.random() < 0.1 else INT32
    matrix = dense_matrix(weight, x.params, kind)
    made = target_of(rng, rows, width)
    twin = made._replace(words=np.zeros_like(made.words))
    for kernels, target in ((NUMBA, made), (NUMPY, twin)):
        kernels.product(x.packed, matrix, target, kind)
    np.testing.assert_array_equal(made.words, twin.words)


@pytest.mark.parametrize("fan_in", [1, 7, 8, 63, 64, 65, 991, 993, 5000])
def test_signs_that_all_agree(fan_in: int) -> None:
    """Counts at their largest, over more steps than fit a byte; padding counts for nothing."""
    same = np.ones((3, fan_in), np.int32)
    for spec, sign in ((SIGNS, 1), (SIGNS, -1), (BITS_OF_ONE, 1)):
        params = QParams(spec, np.float32(1), np.int32(0))
        x = IntArray(params, pack(sign * same, spec), same.shape)
        weight = IntArray(
            QParams(SIGNS, np.float32(1), np.int32(0)), pack(same.T, SIGNS), (fan_in, 3)
        )
        target = CodeTarget(np.zeros((3, 3), np.uint8), 8, 128, 255, np.full(3, 77 / fan_in))
        matrix = dense_matrix(weight, params, INT32)
        assert matrix.lanes.dtype == np.uint8
        NUMBA.product(x.packed, matrix, target, INT32)
        assert (target.words == 128 + sign * 77).all()


def test_bytes_in_pairs_where_they_cannot_overflow() -> None:
    def laid_out(weight: np.ndarray, bits: int, kind: np.dtype[np.integer] = INT32) -> Matrix:
        return dense_matrix(weights(weight), codes(bits), kind)

    some = np.full((300, 9), 8)
    with having(0):
        assert laid_out(some, 8).lanes.dtype == np.int8
        assert laid_out(some, 8).piece == 32767 // (255 * 16)
        assert laid_out(some, 2).piece == PIECE
        largest = 32767 // 255 // SHORTEST // 2
        for size, kind in ((largest, np.int8), (largest + 1, np.int16)):
            for sign in (1, -1):
                assert laid_out(some // 8 * size * sign, 8).lanes.dtype == kind
        some[7, 3] = -100  # one of two neighbours decides
        assert laid_out(some, 8).lanes.dtype == np.int16
        assert laid_out(some, 8, INT64).lanes.dtype == np.int64


@pytest.mark.parametrize("zero", [-128, -100, -1, 0, 1, 127])
@pytest.mark.parametrize("register_bytes", [32, 64])
def test_bytes_in_fours_have_a_level(register_bytes: int, zero: int) -> None:
    """Codes less a code of zero that is not 0 are no bytes; what is laid out and the level are."""
    spec = QuantSpec(bits=8)
    both_ends = np.array([[-128, 127, zero]], np.int32).T
    params = QParams(spec, np.float32(1), np.int32(zero))
    weight = IntArray(params, pack(both_ends, spec), both_ends.shape)
    with having(register_bytes):
        matrix = dense_matrix(weight, codes(8), INT32)
    assert matrix.lanes.dtype == np.int8
    assert matrix.lanes.shape == (1, 1, register_bytes)
    laid_out = matrix.lanes[0, 0, :3].astype(np.int32)
    assert (laid_out + matrix.level == both_ends[:, 0] - zero).all()
    assert matrix.lanes[0, 0, 3] == 0
    assert matrix.start.size == register_bytes // 4


@pytest.mark.parametrize("quads", QUADS)
@pytest.mark.parametrize("size", [16, -16, 15, 3, 127, -128])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_largest_sums(size: int, bits: int, quads: int) -> None:
    """All codes and weights at their ends, over more steps than may be taken at once."""
    x = np.full((7, 3001), (1 << bits) - 1)
    spec = QuantSpec(bits=bits, signed=False)
    packed = IntArray(codes(bits), pack(x.astype(np.int32), spec), x.shape)
    with having(quads):
        matrix = dense_matrix(weights(np.full((3001, 17), size)), codes(bits), INT32)
    words = np.zeros((7, 17), np.uint8)
    total = 3001 * size * x[0, 0]
    target = CodeTarget(words, 8, 128, 255, np.full(17, 77 / total))
    with having(quads):
        NUMBA.product(packed.packed, matrix, target, INT32)
    assert (words == 128 + 77).all()


WITHOUT_AVX2 = """
import test_product as t
import numpy as np
for wide in (False, True):
    for bits in ((8, 8), (4, 4)):
        t.test_dense_and_sparse.hypothesis.inner_test(bits, 1, 5, wide, 0)
    t.test_codes_of_one_bit.hypothesis.inner_test(t.SIGNS, t.SIGNS, 5, wide)
from engine.integer.kernels.compile import machine_has
print(machine_has("avx2"), t.QUADS)
"""


def test_a_machine_without_these_instructions(tmp_path: Path) -> None:
    here = Path(__file__)
    environment = {
        **os.environ,
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(here.parents[4]), str(here.parent)]),
    }
    outcome = subprocess.run(
        [sys.executable, "-c", WITHOUT_AVX2],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.split() == ["False", "[0]"]
