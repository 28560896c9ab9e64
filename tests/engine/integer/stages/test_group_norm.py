"""The groups' softmax, and what they make of an output, against twins written out."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.affine import qparams, quantize
from engine.integer import NUMBA
from engine.integer.packing import IntArray, pack
from engine.integer.stages.group_norm import Regroup, Share
from engine.integer.stages.stage import Scope
from engine.spec import QuantSpec

SOURCE, SCALE, BIAS, TARGET = ((0, name) for name in ("output", "group_scale", "bias", "target"))


@given(
    rows=st.integers(0, 6),
    features=st.integers(1, 5),
    bits=st.sampled_from([2, 4, 8, 16]),
    weight=st.sampled_from([0, 0.01, 0.37, 20]),
    seed=st.integers(0, 2**16),
)
def test_entries_are_what_their_equation_says(rows, features, bits, weight, seed) -> None:
    rng = np.random.default_rng(seed)
    spec = QuantSpec(bits=bits)
    source, scale = qparams(-1.3, 0.9, spec), qparams(-0.2, 3.1, spec)
    target = qparams(-2, 2.2, QuantSpec(bits=8))
    codes = rng.integers(spec.qmin, spec.qmax + 1, (2, rows, features)).astype(np.int32)
    held = [
        IntArray(params, pack(of, spec), of.shape)
        for params, of in zip((source, scale), codes, strict=True)
    ]
    bias = rng.normal(size=features).astype(np.float32)
    scope = Scope(
        None,  # type: ignore[arg-type]
        {SOURCE: source, SCALE: scale, TARGET: target},
        {BIAS: bias},
        {SOURCE: (rows, features)},
        {},
    )
    step = Regroup(TARGET, SOURCE, SCALE, BIAS, weight).bind(scope)
    found = step.run({SOURCE: held[0], SCALE: held[1]}, NUMBA)
    x, of_groups = (
        (array.codes() - array.params.zero) * array.params.scale.astype(np.float64)
        for array in held
    )
    moved = x + weight * x * of_groups + bias
    places = moved / float(target.scale)
    clear = np.abs(places - np.floor(places) - 0.5) > 1e-4
    np.testing.assert_array_equal(found.codes()[clear], quantize(moved, target)[clear])
    assert step.proof.bound < 2**63


def test_shares_add_up_to_1_whatever_the_logits() -> None:
    logits = np.float32([[0, 0, 0], [1e4, -1e4, 0], [-3, 2, 1]])
    step = Share(TARGET, SOURCE).bind(Scope(None, {}, {}, {SOURCE: (3, 3)}, {}))  # type: ignore[arg-type]
    found = step.run({SOURCE: logits}, NUMBA)
    wanted = np.exp(logits[2]) / np.exp(logits[2]).sum()
    np.testing.assert_allclose(found, [[1 / 3] * 3, [1, 0, 0], wanted], rtol=1e-6)
    assert not step.stage.integer
