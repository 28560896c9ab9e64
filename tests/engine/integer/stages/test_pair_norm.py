"""PairNorm in integers equals a twin of whole numbers and one root, written with loops."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.affine import QParams, qparams
from engine.integer import NUMBA, AccumulatorOverflow
from engine.integer.packing import IntArray, pack
from engine.integer.stages.pair_norm import PairNormalize
from engine.integer.stages.stage import Scope
from engine.spec import PairNorm, QuantSpec

SOURCE, TARGET = (0, "output"), (0, "normalized")


class Pools:
    """Only what the stage asks a graph for."""

    def __init__(self, pools: list[int]) -> None:
        self.pools = np.array(pools)


def scope_of(pools: list[int], features: int, params: dict[tuple[int, str], QParams]) -> Scope:
    return Scope(Pools(pools), params, {}, {SOURCE: (pools[-1], features)}, {})  # type: ignore[arg-type]


def twin(codes: list[list[int]], source: QParams, target: QParams, pools: list[int], how: PairNorm):
    zero, step = int(source.zero), float(source.scale)
    found = []
    for start, end in pairwise(pools):
        rows = [[code - zero for code in row] for row in codes[start:end]]
        n = len(rows)
        sums = [sum(column) for column in zip(*rows, strict=True)]
        centred = [[n * code - of for code, of in zip(row, sums, strict=True)] for row in rows]
        squares = [sum(c * c for c in row) for row in centred]
        for row, own in zip(centred, squares, strict=True):
            if how.by_node:
                length = 1e-5 + step / n * math.sqrt(own)
            else:
                length = math.sqrt(1e-5 + step**2 * (sum(squares) / n**3))
            real = [how.scale * step / n * c / length for c in row]
            found.append([round(x / float(target.scale)) + int(target.zero) for x in real])
    low, high = target.spec.qmin, target.spec.qmax
    return np.clip(np.array(found).reshape(len(codes), len(codes[0]) if codes else 0), low, high)


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    features=st.integers(1, 5),
    bits=st.sampled_from([2, 3, 4, 8, 16]),
    how=st.sampled_from([PairNorm(), PairNorm(scale=2.5), PairNorm(by_node=True)]),
    signed=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_every_code_equals_the_twins(sizes, features, bits, how, signed, seed) -> None:
    rng = np.random.default_rng(seed)
    pools = np.cumsum([0, *sizes]).tolist()
    spec = QuantSpec(bits=bits, signed=signed)
    source, target = qparams(-1.3, 0.9, spec), qparams(-2, 2.2, QuantSpec(bits=8))
    codes = rng.integers(spec.qmin, spec.qmax + 1, (pools[-1], features)).astype(np.int32)
    held = IntArray(source, pack(codes, spec), codes.shape)
    scope = scope_of(pools, features, {SOURCE: source, TARGET: target})
    step = PairNormalize(TARGET, SOURCE, how).bind(scope)
    found = step.run({SOURCE: held}, NUMBA)
    wanted = twin(codes.tolist(), source, target, pools, how)
    np.testing.assert_array_equal(found.codes(), wanted.reshape(codes.shape))
    assert step.proof.accumulator_bits == 63


def test_equal_rows_leave_the_code_of_zero() -> None:
    source, target = qparams(-1, 1, QuantSpec(bits=4)), qparams(-1, 1, QuantSpec(bits=4))
    codes = np.full((5, 3), 6, np.int32)
    held = IntArray(source, pack(codes, source.spec), codes.shape)
    scope = scope_of([0, 5], 3, {SOURCE: source, TARGET: target})
    for how in (PairNorm(), PairNorm(by_node=True)):
        found = PairNormalize(TARGET, SOURCE, how).bind(scope).run({SOURCE: held}, NUMBA)
        assert (found.codes() == int(target.zero)).all()


def test_rows_in_float_are_normalised_in_float() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 3)).astype(np.float32)
    step = PairNormalize(TARGET, SOURCE, PairNorm(scale=2)).bind(scope_of([0, 7], 3, {}))
    assert step.proof is None
    centred = x - x.mean(axis=0, dtype=np.float64)
    length = np.sqrt(1e-5 + (centred**2).sum(axis=1).mean())
    np.testing.assert_allclose(step.run({SOURCE: x}, NUMBA), 2 * centred / length, rtol=1e-5)


def test_what_64_bits_may_not_hold_is_refused() -> None:
    source = qparams(-1, 1, QuantSpec(bits=16))
    scope = scope_of([0, 10**9], 1, {SOURCE: source})
    with pytest.raises(AccumulatorOverflow, match=r"0\.normalized"):
        PairNormalize(TARGET, SOURCE, PairNorm()).bind(scope)
