"""Every kernel equals its twin, number for number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.affine import QParams
from engine.graphs.features import Gathering
from engine.integer.kernels.operands import CodeTarget, Incoming, Packed, Places, RealTarget, Term
from engine.integer.kernels.shares import share_out
from engine.integer.kernels.table import NUMBA, NUMPY, Kernels
from engine.integer.packing import IntArray, pack, word_count, word_type
from engine.integer.weights import dense_matrix, sparse_matrix
from engine.spec import QuantSpec

KERNELS = [field.name for field in fields(Kernels) if field.name not in ("choose", "recode")]
OF_ONE_TYPE = "quantize", "softmax", "propagate", "pull", "ascend"
"""Kernels whose sums are always of one type."""
SEEDS = st.integers(0, 2**32 - 1)
ONE = np.ones(1, np.float32)


class Draw:
    """Random operands of one width."""

    def __init__(self, seed: int, bits: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.spec = QuantSpec(bits=bits, signed=False)
        self.rows, self.fan_in, self.width = self.rng.integers([0, 1, 1], [150, 20, 20])
        self.accumulator = np.dtype(np.int64 if bits == 16 else np.int32)

    def zero(self) -> int:
        return int(self.rng.choice([0, self.spec.qmax, self.rng.integers(self.spec.qmax + 1)]))

    def packed(self, rows: int, width: int) -> Packed:
        """Return codes that are all low, all high, or anything."""
        low, high = [(0, 0), (self.spec.qmax, self.spec.qmax), (0, self.spec.qmax)][
            self.rng.integers(3)
        ]
        codes = self.rng.integers(low, high + 1, (rows, width), np.int32)
        return Packed(pack(codes, self.spec), self.spec.storage_bits, self.zero(), width)

    def held(self, rows: int, width: int) -> IntArray:
        """Return the same as an array with parameters."""
        words, _, zero, *_ = self.packed(rows, width)
        return IntArray(QParams(self.spec, ONE, np.int32([zero])), words, (rows, width))

    def counts(self, rows: int) -> np.ndarray:
        """Return where each of some rows begins, many of them empty, one long."""
        count = self.rng.integers(0, 4, rows) * self.rng.integers(0, 2, rows)
        if rows:
            count[self.rng.integers(rows)] += 100  # 103 * 255^3 still fits int32
        return np.concatenate([[0], np.cumsum(count)]).astype(np.int64)

    def target(self, width: int) -> CodeTarget:
        """Return a target that is clamped at both ends, or at none; its words hold rubbish."""
        high = self.spec.qmax
        factor = 10.0 ** self.rng.uniform(-9, 1, width)
        words = np.full((self.rows, word_count(width, self.spec)), 0xA5, word_type(self.spec))
        return CodeTarget(words, self.spec.storage_bits, self.zero(), high, factor)


def quantize(draw: Draw) -> tuple[Any, ...]:
    x = draw.rng.normal(scale=draw.spec.qmax, size=(draw.rows, draw.width)).astype(np.float32)
    x[draw.rng.random(x.shape) < 0.2] = 0
    x[draw.rng.random(x.shape) < 0.2] = 1.5  # ties, with a scale of 1
    return (x,)


def product(draw: Draw) -> tuple[Any, ...]:
    x, weight = draw.packed(draw.rows, draw.fan_in), draw.held(draw.fan_in, draw.width)
    source = QParams(draw.spec, ONE, np.int32([x.zero]))
    return x, dense_matrix(weight, source, draw.accumulator), draw.accumulator


def sparse_product(draw: Draw) -> tuple[Any, ...]:
    places = stored(draw, draw.rows)
    values = draw.packed(*places.blocks)
    if draw.rng.integers(2):  # one number a row, and wide rows of weights
        places, draw.width = places._replace(alike=True), 9 * draw.width
        codes = draw.rng.integers(0, draw.spec.qmax + 1, draw.rows, np.int32)
        flat = np.zeros(places.blocks, np.int32)
        flat.flat[: places.stored] = np.repeat(codes, np.diff(places.rowptr))
        values = values._replace(words=pack(flat, draw.spec))
    weight = draw.held(draw.fan_in, draw.width)
    matrix = sparse_matrix(weight, QParams(draw.spec, ONE, ONE), draw.accumulator)
    return places, values, matrix, draw.accumulator


def stored(draw: Draw, rows: int) -> Places:
    """Return places of a matrix with some rows."""
    there = draw.rng.random((rows, draw.fan_in)) < draw.rng.choice([0, 0.1, 0.5, 1])
    rowptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
    return Places(rowptr, there.nonzero()[1].astype(np.int32), draw.fan_in)


def sparse_total(draw: Draw) -> tuple[Any, ...]:
    each, own = (int(weight) for weight in draw.rng.integers([1, -5], 5))
    incoming, places, message, made = gathered_sparsely(draw, own=own != 0)
    return incoming, places, message, each, own, made, draw.accumulator


def sparse_mean(draw: Draw) -> tuple[Any, ...]:
    return *gathered_sparsely(draw, own=False), draw.accumulator


def gathered_sparsely(draw: Draw, *, own: bool) -> tuple[Incoming, Places, Packed, Places]:
    """Return edges, what their sources store, and what is stored of the sums."""
    nodes = draw.rows if own else int(draw.rng.integers(1, 50))
    incoming, _ = gathered(draw, nodes)
    places = stored(draw, max(nodes, 1) if draw.rows else nodes)
    rowptr, source, *_ = incoming
    starts, columns, width, _ = places
    edges = {"rowptr": rowptr, "source": source, "own": own}
    sums = Gathering(**edges, starts=starts, columns=columns, width=width).places()
    made = Places(sums.indptr.astype(np.int64), sums.indices.astype(np.int32), width)
    draw.rows, draw.width = made.blocks  # of the result
    return incoming, places, draw.packed(*places.blocks), made


def scale(draw: Draw) -> tuple[Any, ...]:
    return draw.packed(draw.rows, draw.width), draw.packed(1, draw.rows), draw.accumulator


def aggregate(draw: Draw) -> tuple[Any, ...]:
    incoming, message = gathered(draw, draw.rows)
    weight = draw.packed(incoming.source.size, 1) if draw.rng.integers(2) else None
    norm = draw.packed(1, draw.rows) if weight or draw.rng.integers(2) else None
    return incoming, message, weight, norm, draw.accumulator


def gathered(draw: Draw, rows: int) -> tuple[Incoming, Packed]:
    """Return edges, some of them repeated or from a row to itself, and what their sources send."""
    rowptr = draw.counts(draw.rows)
    source = draw.rng.integers(0, max(rows, 1), rowptr[-1]).astype(np.int32)
    incoming = share_out(rowptr, source, int(draw.rng.choice([1, 7, 50, 10_000])))
    return incoming, draw.packed(max(rows, 1), draw.width)


def total(draw: Draw) -> tuple[Any, ...]:
    each, own = (int(weight) for weight in draw.rng.integers([1, -5], 5))
    if draw.rng.integers(2):
        return *gathered(draw, int(draw.rng.integers(1, 50))), each, 0, draw.accumulator
    return *gathered(draw, draw.rows), each, own if draw.rows else 0, draw.accumulator


def mean(draw: Draw) -> tuple[Any, ...]:
    return *gathered(draw, int(draw.rng.integers(1, 50))), draw.accumulator


maximum = mean


def attend(draw: Draw) -> tuple[Any, ...]:
    heads = int(draw.rng.integers(1, 5))
    concat = draw.width % heads == 0 and bool(draw.rng.integers(2))
    wide = draw.width if concat else draw.width * heads
    incoming, _ = gathered(draw, draw.rows)
    message = draw.packed(max(draw.rows, 1), wide)
    coefficient = draw.packed(incoming.source.size, heads)
    return incoming, message, coefficient, draw.width, np.dtype(np.int64)


def softmax(draw: Draw) -> tuple[Any, ...]:
    heads = int(draw.rng.choice([1, 2, 3, 5, 8, 11]))
    incoming, _ = gathered(draw, draw.rows)
    logit: Any = draw.packed(draw.rows, 2 * heads)
    if draw.rng.integers(2):
        logit = draw.rng.normal(scale=3, size=(draw.rows, 2 * heads)).astype(np.float32)
    scale = 10.0 ** draw.rng.uniform(-5, 1, 2 * heads)
    draw.rows, draw.width = incoming.source.size, heads  # of the result
    return incoming, logit, scale, float(draw.rng.choice([0, 0.2, 1]))


def combine(draw: Draw) -> tuple[Any, ...]:
    def term() -> Term:
        words, bits, zero, width, _ = draw.packed(draw.rows, draw.width)
        table = np.arange(draw.spec.qmax + 1) - zero
        if draw.rng.integers(2):
            table = np.maximum(table, 0)
        multiplier = draw.rng.integers(-(1 << 10), 1 << 10, width)
        kind = draw.accumulator
        return Term(words, bits, width, table.astype(kind), multiplier.astype(kind))

    bias = draw.rng.integers(-(2**20), 2**20, draw.width).astype(draw.accumulator)
    floor = int(draw.rng.choice([0, np.iinfo(draw.accumulator).min]))
    second = term() if draw.rng.integers(2) else None
    return term(), second, bias, floor, draw.accumulator


def factors(draw: Draw) -> np.ndarray:
    return draw.rng.integers(-(1 << 20), 1 << 20, draw.rows)


def propagate(draw: Draw) -> tuple[Any, ...]:
    others = QuantSpec(bits=int(draw.rng.choice([2, 4, 8, 16])), signed=False)
    own = [draw.packed(draw.rows, draw.width)]
    draw.spec = draw.rng.choice(np.array([draw.spec, others]))
    own.append(draw.packed(draw.rows, draw.width))
    first, second = [(None, None), (own[0], None), tuple(own)][draw.rng.integers(3)]
    incoming, message = gathered(draw, draw.rows)
    return incoming, message, factors(draw), first, factors(draw), second, factors(draw)


def pull(draw: Draw) -> tuple[Any, ...]:
    firsts = draw.counts(draw.rows)
    pairs = int(firsts[-1])
    seconds = np.sort(draw.rng.integers(0, pairs + 1, draw.rows + 1)) if draw.rows else firsts
    seconds[:1], seconds[1:][-1:] = 0, pairs
    order = draw.rng.permutation(pairs).astype(np.int32)
    blocks = np.array([0, draw.rows // 3, draw.rows // 3, draw.rows])
    dual, own = draw.packed(pairs, draw.width), draw.packed(draw.rows, draw.width)
    return firsts, seconds, order, blocks, dual, factors(draw), own, factors(draw)


def ascend(draw: Draw) -> tuple[Any, ...]:
    nodes = int(draw.rng.integers(1, 30))
    first, second = draw.rng.integers(0, nodes, (2, draw.rows)).astype(np.int32)
    dual = draw.packed(draw.rows, draw.width) if draw.rng.integers(2) else None
    each, own, most = (int(weight) for weight in draw.rng.integers(0, 1 << 20, 3))
    return first, second, draw.packed(nodes, draw.width), each, dual, own, most


OPERANDS: dict[str, Callable[[Draw], tuple[Any, ...]]] = {
    "quantize": quantize,
    "product": product,
    "sparse_product": sparse_product,
    "sparse_total": sparse_total,
    "sparse_mean": sparse_mean,
    "scale": scale,
    "aggregate": aggregate,
    "total": total,
    "mean": mean,
    "maximum": maximum,
    "softmax": softmax,
    "attend": attend,
    "combine": combine,
    "propagate": propagate,
    "pull": pull,
    "ascend": ascend,
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8, 16])
@settings(max_examples=15)
@given(seed=SEEDS)
def test_codes_equal_the_twins(name: str, bits: int, seed: int) -> None:
    draw = Draw(seed, bits)
    operands = OPERANDS[name](draw)
    target = draw.target(draw.width)
    if name == "quantize":
        target = target._replace(factor=np.ones(1))
    if name == "softmax":  # of shares of 1
        target = target._replace(factor=np.full(draw.width, float(draw.spec.qmax)))
    twin = target._replace(words=np.zeros_like(target.words))
    run(name, operands, target, twin)
    np.testing.assert_array_equal(target.words, twin.words)


@pytest.mark.parametrize("name", KERNELS[1:])
@settings(max_examples=15)
@given(seed=SEEDS)
def test_real_numbers_equal_the_twins(name: str, seed: int) -> None:
    draw = Draw(seed, 4)
    operands = OPERANDS[name](draw)
    factor = draw.rng.random(draw.width, np.float32)
    target = RealTarget(np.full((draw.rows, draw.width), np.nan, np.float32), factor)
    twin = target._replace(real=target.real.copy())
    run(name, operands, target, twin)
    np.testing.assert_array_equal(target.real, twin.real)


def run(name: str, operands: tuple[Any, ...], target: Any, twin: Any) -> None:
    for kernels, place in ((NUMBA, target), (NUMPY, twin)):
        where = len(operands) - (name not in OF_ONE_TYPE)
        getattr(kernels, name)(*operands[:where], place, *operands[where:])


def test_rows_without_an_edge_are_zero() -> None:
    spec = QuantSpec(bits=8, signed=False)
    codes = np.full((2, 3), 7, np.int32)
    message = Packed(pack(codes, spec), 8, 200, 3)  # all below zero
    incoming = share_out(np.array([0, 0, 2]), np.array([0, 0], np.int32))
    for name, extra, wanted in (
        ("total", (1, 0), -386),
        ("mean", (), -193),
        ("maximum", (), -193),
    ):
        for kernels in (NUMBA, NUMPY):
            target = RealTarget(np.full((2, 3), np.nan, np.float32), np.ones(3, np.float32))
            getattr(kernels, name)(incoming, message, *extra, target, np.dtype(np.int32))
            np.testing.assert_array_equal(target.real, [[0] * 3, [wanted] * 3])


@settings(max_examples=15)
@given(seed=SEEDS, rows=st.integers(0, 40_000), classes=st.integers(1, 20))
def test_the_class_of_equal_scores_is_the_first(seed: int, rows: int, classes: int) -> None:
    scores = np.random.default_rng(seed).integers(-3, 3, (rows, classes)).astype(np.float32)
    chosen = np.full((2, rows), -1, np.int32)
    for kernels, into in zip((NUMBA, NUMPY), chosen, strict=True):
        kernels.choose(scores, into)
    np.testing.assert_array_equal(*chosen)


def test_a_kernel_without_a_twin_has_no_place() -> None:
    assert set(OPERANDS) == set(KERNELS)


@settings(deadline=None)
@given(
    bits=st.sampled_from([2, 4, 8, 16]),
    to_bits=st.sampled_from([2, 4, 8, 16]),
    count=st.integers(0, 30),
    width=st.integers(0, 40),
    seed=SEEDS,
)
def test_codes_of_some_rows_become_others(
    bits: int, to_bits: int, count: int, width: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    spec, to_spec = (QuantSpec(bits=b, signed=False) for b in (bits, to_bits))
    codes = rng.integers(0, spec.qmax + 1, (50, width), np.int32)
    table = rng.integers(0, to_spec.qmax + 1, spec.qmax + 1).astype(np.uint16)
    rows, to_rows = (rng.choice(50, count, replace=False) for _ in range(2))
    words = np.full((50, word_count(width, to_spec)), 0x5A, word_type(to_spec))
    wanted = words.copy()
    wanted[to_rows] = pack(table[codes[rows]].astype(np.int32), to_spec)
    for kernels in (NUMBA, NUMPY):
        made = words.copy()
        kernels.recode(pack(codes, spec), bits, rows, table, made, to_bits, to_rows, width)
        np.testing.assert_array_equal(made, wanted)
