"""Agreement: counted code by code in plain loops, and what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.metrics.agreement import agreement as agree

SCORES = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
SLOTS = st.dictionaries(
    st.tuples(st.integers(0, 2), st.sampled_from(["input", "output"])),
    st.tuples(st.integers(0, 4), st.integers(1, 3)),
    max_size=4,
)


@given(shapes=SLOTS, data=st.data())
def test_equals_loops(shapes, data) -> None:
    def codes(dtype):
        return {
            slot: data.draw(arrays(dtype, shape, elements=st.integers(0, 120)))
            for slot, shape in shapes.items()
        }

    simulated, integer = codes(np.int32), codes(np.uint8)
    found = agree(simulated, integer, SCORES, SCORES)
    steps = {
        slot: [
            abs(int(a) - int(b))
            for a, b in zip(simulated[slot].ravel(), integer[slot].ravel(), strict=True)
        ]
        for slot in shapes
    }
    flat = [step for slot in steps.values() for step in slot]
    assert found.max_code_difference == max(flat, default=0)
    assert found.codes_different == sum(map(bool, flat)) / max(len(flat), 1)
    for slot in found.slots:
        own = steps[slot.layer, slot.component]
        assert (slot.codes, slot.different) == (len(own), sum(map(bool, own)))
        assert slot.max_difference == max(own, default=0)


def test_unsigned_codes_do_not_wrap() -> None:
    slot = (0, "input")
    small, large = np.array([0], dtype=np.uint8), np.array([255], dtype=np.uint8)
    found = agree({slot: small}, {slot: large}, SCORES, SCORES)
    assert (found.max_code_difference, found.codes_different) == (255, 1)


def test_a_tie_within_float32_is_the_same_class() -> None:
    simulated = np.array([[1.0, 1.0 + 1e-8, 0.0], [-2.0, -2.0, -3.0]])
    integer = np.array([[1.0, 1.0, 0.0], [-2.001, -2.0, -3.0]], np.float32)
    assert agree({}, {}, simulated, integer).same_class == 1
    assert agree({}, {}, simulated + np.array([0, 1e-4, 0]), integer).same_class == 0.5


def test_same_class_is_a_share_of_nodes() -> None:
    other = SCORES.copy()
    other[0] = [2, 1]
    assert agree({}, {}, SCORES, other).same_class == 0.75
    assert agree({}, {}, SCORES[:0], other[:0]).same_class == 1


def test_is_json() -> None:
    codes = {(1, "message"): np.array([[1, 2]])}
    data = json.loads(json.dumps(agree(codes, codes, SCORES, SCORES).to_dict()))
    slot = {"layer": 1, "component": "message", "codes": 2, "different": 0, "max_difference": 0}
    assert data == {
        "max_code_difference": 0,
        "codes_different": 0,
        "same_class": 1,
        "slots": [slot],
    }


def test_refuses() -> None:
    codes = {(0, "input"): np.array([1])}
    with pytest.raises(ValueError, match=r"only one has \[\(0, 'input'\)\]"):
        agree(codes, {}, SCORES, SCORES)
    with pytest.raises(ValueError, match=r"layer 0 input: codes need one shape"):
        agree(codes, {(0, "input"): np.array([1, 2])}, SCORES, SCORES)
    with pytest.raises(ValueError, match=r"layer 0 input: codes are integers; got int64, float64"):
        agree(codes, {(0, "input"): np.array([1.0])}, SCORES, SCORES)
    with pytest.raises(ValueError, match="score is nan"):
        agree({}, {}, SCORES, SCORES * np.nan)
