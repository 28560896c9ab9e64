"""Widths by in-degree in programs: both kernels alike, each row's own codes, fewer bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.integer import NUMPY, Calibrator, Program, SparseIntArray, bind, read, write
from engine.integer.program import ENTRY
from engine.spec import (
    Bucket,
    LearnedRange,
    LearnedStep,
    MinMax,
    Percentile,
    QuantSpec,
    SpecError,
)
from engine.spec.layer import NOT_ROWS

RULES = [MinMax(), Percentile(tail=0.1), LearnedStep(), LearnedRange(base=MinMax())]
BUCKETS = (Bucket(degree=1, bits=4), Bucket(degree=3, bits=2), Bucket(degree=10**6, bits=3))


def specs_of(program: Program, widths: Sequence[int], rng: np.random.Generator) -> dict:
    """Return specs of every slot, rows of nodes with random buckets most of the time."""
    specs = {}
    for layer, shape in enumerate(program.layers):
        for slot in shape.slots:
            bits = int(rng.choice(widths))
            rule = RULES[rng.integers(len(RULES))]
            degrees = np.unique(rng.integers(0, 9, rng.integers(0, 4)))
            bucketed = slot not in NOT_ROWS
            buckets = [
                Bucket(degree=int(d), bits=int(rng.choice([w for w in widths if w <= bits])))
                for d in degrees
            ]
            specs[layer, slot] = QuantSpec(
                bits=bits,
                signed=bool(rng.integers(2)),
                range=rule,
                buckets=tuple(buckets) if bucketed else (),
            )
    return specs


@given(seed=st.integers(0, 2**32 - 1), operator=st.sampled_from(["gcn", "gat", "gin", "sage"]))
@settings(max_examples=30)
def test_both_kernels_fill_slots_with_codes_of_each_rows_width(
    case: Callable, seed: int, operator: str
) -> None:
    drawn = case(seed, operators=[operator, "linear"])
    rng = np.random.default_rng(seed)
    degree = drawn.neighbourhoods.in_degree
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace(), degree)
    specs = specs_of(drawn.reference, [2, 3, 4, 7, 8, 16], rng)
    params = {slot: calibrator.params(slot, spec) for slot, spec in specs.items()}
    program = drawn.reference.quantize(params)
    plan = drawn.bind(program)
    fast, slow = plan.trace(), plan.trace(NUMPY)
    np.testing.assert_array_equal(plan.run(), plan.run(NUMPY))
    np.testing.assert_array_equal(plan.run(), fast.scores)
    for slot, spec in specs.items():
        codes = fast.codes(*slot)
        np.testing.assert_array_equal(codes, slow.codes(*slot))
        if not spec.buckets:
            continue
        held = params[slot]
        value = fast.value(*slot)
        rows = np.arange(len(degree))
        if isinstance(value, SparseIntArray):
            rows = np.repeat(rows, np.diff(value.places.rowptr))
        for row, of_row in zip(rows, codes, strict=True):
            bucket = sum(degree[row] >= b.degree for b in spec.buckets)
            if bucket:
                nested = held.nested[bucket - 1]
                steps = of_row - int(held.zero)
                assert (steps % nested.multiple == 0).all()
                assert (np.abs(nested.places(steps) * nested.multiple - steps) == 0).all()


def test_one_bucket_as_wide_as_the_grid_is_the_plain_program(case: Callable) -> None:
    drawn = case(5, operators=["gcn"], nodes=30, edges=90, sparse=False)
    degree = drawn.neighbourhoods.in_degree
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace(), degree)
    plain, whole = {}, {}
    for layer, shape in enumerate(drawn.reference.layers):
        for slot in shape.slots:
            spec = QuantSpec(bits=8)
            plain[layer, slot] = calibrator.params((layer, slot), spec)
            if slot not in NOT_ROWS:
                spec = replace(spec, buckets=(Bucket(degree=0, bits=8),))
            whole[layer, slot] = calibrator.params((layer, slot), spec)
    one, other = (drawn.bind(drawn.reference.quantize(held)) for held in (plain, whole))
    np.testing.assert_array_equal(one.run(), other.run())
    for slot in plain:
        np.testing.assert_array_equal(one.trace().codes(*slot), other.trace().codes(*slot))
        assert other.bytes_of(slot) == one.bytes_of(slot)


def test_stored_rows_are_as_small_as_their_width(case: Callable) -> None:
    drawn = case(6, operators=["gcn"], nodes=30, edges=90, features=8, sparse=False)
    degree = drawn.neighbourhoods.in_degree
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace(), degree)
    slots = [(0, "input"), (0, "feature"), (0, "message"), (0, "aggregate"), (0, "weight")]
    spec = QuantSpec(bits=8, buckets=BUCKETS)
    params = {
        slot: calibrator.params(slot, QuantSpec(bits=8) if slot[1] == "weight" else spec)
        for slot in slots
    }
    plan = drawn.bind(drawn.reference.quantize(params))
    few, some = (degree >= 3).sum(), ((degree >= 1) & (degree < 3)).sum()
    for slot in slots[:-1]:
        width = plan.shapes[slot][1]
        rest = len(degree) - few - some
        wanted = rest * width + some * -(-width // 2) + few * -(-width // 4)
        assert plan.bytes_of(slot) == wanted
    wide = drawn.bind(
        drawn.reference.quantize(
            {slot: calibrator.params(slot, QuantSpec(bits=8)) for slot in slots}
        )
    )
    assert plan.buffer_bytes < wide.buffer_bytes
    assert plan.widened_bytes > wide.widened_bytes == 0
    assert plan.model_bytes == wide.model_bytes + 4 * 3 * 4


def test_files_keep_nested_codes(case: Callable) -> None:
    drawn = case(7, operators=["gin"], nodes=20, edges=60)
    degree = drawn.neighbourhoods.in_degree
    calibrator = Calibrator(drawn.reference, drawn.bind(drawn.reference).trace(), degree)
    spec = QuantSpec(bits=8, buckets=BUCKETS)
    program = drawn.reference.quantize({ENTRY: calibrator.params(ENTRY, spec)})
    file = BytesIO()
    write(program, file)
    again = read(file)
    assert again.params[ENTRY].nested == program.params[ENTRY].nested
    assert again.params[ENTRY].spec == spec
    np.testing.assert_array_equal(drawn.bind(again).run(), drawn.bind(program).run())


def test_what_fits_no_grid_or_no_node_is_refused(case: Callable) -> None:
    drawn = case(8, operators=["gcn"], pool=True, nodes=12)
    degree = drawn.neighbourhoods.in_degree
    trace = drawn.bind(drawn.reference).trace()
    calibrator = Calibrator(drawn.reference, trace, degree)
    spec = QuantSpec(bits=8, buckets=BUCKETS)
    held = calibrator.params(ENTRY, spec)
    far = replace(held, nested=(replace(held.nested[0], multiple=300), *held.nested[1:]))
    with pytest.raises(SpecError, match=r"nested\[0\]"):
        drawn.reference.quantize({ENTRY: far})
    with pytest.raises(SpecError, match="nested"):
        drawn.reference.quantize({ENTRY: replace(held, nested=held.nested[1:])})
    with pytest.raises(ValueError, match="in-degrees"):
        Calibrator(drawn.reference, trace).params(ENTRY, spec)
    last = len(drawn.reference.layers) - 1, "input"
    program = drawn.reference.quantize({last: replace(held)})
    with pytest.raises(SpecError, match="rows are not the nodes"):
        bind(program, drawn.neighbourhoods, drawn.x)
