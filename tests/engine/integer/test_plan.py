"""A bound program computes what its slots say, in the stages it says, in the bytes it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array, issparse

from engine.affine import FINE, qparams
from engine.integer import NUMBA, NUMPY, IntArray, Kernels, Plan, bind
from engine.integer.kernels.operands import RealTarget
from engine.integer.plan import SPARSE, SPARSE_ALIKE, edge_weight_params, few_entries
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.aggregate import Aggregate
from engine.integer.stages.attention import Attend, Logits, Softmax
from engine.integer.stages.combine import Combine
from engine.integer.stages.gather import Gather
from engine.integer.stages.group_norm import Regroup, Share
from engine.integer.stages.pair_norm import PairNormalize
from engine.integer.stages.product import Product
from engine.integer.stages.scale import Scale
from engine.spec import ModelSpec, PairNorm, QuantSpec, SpecError, scheme
from engine.spec.normalization import EPS

SEEDS = st.integers(0, 2**32 - 1)
WIDTHS = [
    (2, 3, 4, 5, 6, 7, 8),
    (8,),
    (2,),
    (4, 8, 32),
    (2, 8, 32, 32),
    (1, 1, 1, 2, 8),
    (1, 16, 32),
]


def dense(edges: Any, weights: Any, nodes: int) -> np.ndarray:
    """Return edges as a matrix, [targets, nodes]."""
    matrix = np.zeros((edges.rowptr.size - 1, nodes))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(edges.rowptr))
    np.add.at(matrix, (rows, edges.source), weights)
    return matrix


def real_sums(stage: Any, plan: Plan, real: Callable[..., Any], around: Any) -> np.ndarray:
    """Return what a stage should hold before it is rounded, from what its sources held."""
    if isinstance(stage, Logits):
        vectors = real(stage.weight).reshape(2, stage.heads, -1)
        x = real(stage.source).reshape(-1, stage.heads, vectors.shape[2])
        return np.concatenate([(x * of).sum(axis=2) for of in vectors], axis=1)
    if isinstance(stage, Product):
        return real(stage.source) @ real(stage.weight)
    if isinstance(stage, Scale):
        return real(stage.norm)[:, None] * real(stage.source)
    if isinstance(stage, Combine):
        return combined(stage, plan, real)
    if isinstance(stage, Aggregate):
        weights = real(stage.weight) if stage.weight in plan.constants else 1.0
        x, edges = real(stage.source), around.of("gcn")
        return real(stage.norm)[:, None] * (dense(edges, weights, len(x)) @ x)
    if isinstance(stage, Gather):
        return gathered(stage, real, around)
    if isinstance(stage, PairNormalize):
        return pair_normalized(stage, real, around)
    if isinstance(stage, Share):
        score = real(stage.source)
        score = np.exp(score - score.max(axis=1, keepdims=True))
        return score / score.sum(axis=1, keepdims=True)
    if isinstance(stage, Regroup):
        x = real(stage.source)
        return x + stage.weight * x * real(stage.scale) + real(stage.bias)
    edges = around.of("gat")
    if isinstance(stage, Attend):
        coefficient, x = real(stage.coefficient), real(stage.source)
        by_head = np.split(x, stage.heads, axis=1)
        held = [dense(edges, c, len(x)) @ m for c, m in zip(coefficient.T, by_head, strict=True)]
        return np.concatenate(held, axis=1) if stage.concat else sum(held) / stage.heads
    assert isinstance(stage, Softmax)
    sent, received = np.split(real(stage.source), 2, axis=1)
    rows = edges.targets()
    score = sent[edges.source] + received[rows]
    score = np.exp(np.where(score > 0, score, stage.slope * score))
    return score / np.array([score[rows == row].sum(axis=0) for row in rows])


def combined(stage: Combine, plan: Plan, real: Callable[..., Any]) -> np.ndarray:
    def constant(slot: Any, otherwise: float) -> Any:
        return otherwise if slot is None else plan.constants[slot].astype(np.float64)

    total = constant(stage.bias, 0.0)
    for summand in stage.summands:
        x = real(summand.slot)
        x = x.toarray() if issparse(x) else x
        if summand.activation == "relu":
            x = np.maximum(x, 0)
        if summand.activation == "elu":
            x = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        total = total + constant(summand.gain, 1.0) * x
    total = constant(stage.gain, 1.0) * total
    return np.maximum(total, 0) if stage.relu else total


def pair_normalized(stage: PairNormalize, real: Callable[..., Any], around: Any) -> np.ndarray:
    x = real(stage.source).copy()
    for start, end in pairwise(around.pools):
        if start < end:
            x[start:end] -= x[start:end].mean(axis=0)
            x[start:end] /= np.sqrt(EPS + (x[start:end] ** 2).sum(axis=1).mean())
    assert stage.how == PairNorm()
    return x


def gathered(stage: Gather, real: Callable[..., Any], around: Any) -> np.ndarray:
    x = real(stage.source)
    x = x.toarray() if issparse(x) else x
    if stage.over == "pool":
        ends = around.pools
        rows = [np.arange(ends[g], ends[g + 1]) for g in range(len(ends) - 1)]
    else:
        edges = around.of(stage.over)
        rows = np.split(edges.source, edges.rowptr[1:-1])
    how = {"sum": np.sum, "mean": np.mean, "max": np.max}[stage.how]
    zero = np.zeros(x.shape[1])
    held = np.array([how(x[row], axis=0) if row.size else zero for row in rows])
    return held + stage.own * x if stage.own else held


DRAWS = st.fixed_dictionaries(
    {
        "operators": st.sampled_from(
            [("gcn",), ("gat",), ("gin",), ("sage",), ("linear",), ("gcn", "gat", "gin", "sage")]
        ),
        "pool": st.booleans(),
    }
)


@pytest.mark.parametrize("widths", WIDTHS)
@settings(max_examples=25)
@given(seed=SEEDS, draw=DRAWS)
@example(seed=453, draw={"operators": ("gat",), "pool": True})
def test_every_stage_rounds_its_real_value_once(
    case: Callable, widths: tuple[int, ...], seed: int, draw: Any
) -> None:
    drawn = case(seed, **draw)
    program = drawn.random_program(widths)
    plan = drawn.bind(program)
    trace = plan.trace()

    def real(slot: tuple[int, str]) -> Any:
        return trace.real(*slot).astype(np.float64)

    for stage in program.stages:
        wanted = real_sums(stage, plan, real, drawn.neighbourhoods)
        assert wanted.shape == plan.shapes[stage.target]
        params = program.params_of(stage.target)
        size = np.abs(wanted).max(initial=0) + abs(real(stage.sources[0])).max()
        if params is None:
            held = real(stage.target)
            np.testing.assert_allclose(held, wanted, rtol=1e-4, atol=1e-5 * size + 1e-30)
            continue
        if params.is_sign:
            sure = np.abs(wanted) > 1e-5 * np.abs(wanted).max(initial=0)
            signs = np.where(wanted > 0, params.spec.qmax, params.spec.qmin)
            np.testing.assert_array_equal(trace.codes(*stage.target)[sure], signs[sure])
            continue
        exact = wanted / np.float64(params.scale) + params.shift / FINE + int(params.zero)
        exact = np.clip(exact, params.spec.qmin, params.spec.qmax)
        half = 0.5 + (0.5 / FINE if params.truncates else 0)
        float32 = 4e-7 * np.abs(exact).max(initial=0)  # of what a float stage hands over
        if any(program.params_of(slot) is None for slot in stage.sources):
            float32 += 4e-7 * size / np.min(params.scale)  # and of what cancels out in its sums
        off = np.abs(trace.codes(*stage.target) - exact).max(initial=0)
        assert off < half + 2**-8 + 1e-3 + float32


@pytest.mark.parametrize("widths", [*WIDTHS, (16,)])
@settings(max_examples=25)
@given(seed=SEEDS, draw=DRAWS)
def test_equals_the_reference_program(
    case: Callable, widths: tuple[int, ...], seed: int, draw: Any
) -> None:
    drawn = case(seed, **draw)
    program = drawn.random_program(widths)
    plan = drawn.bind(program)
    trace, twin = plan.trace(), plan.trace(NUMPY)
    for slot in trace.values:
        codes = trace.codes(*slot)
        if codes is None:
            left, right = trace.real(*slot), twin.real(*slot)
            assert (left != right).sum() == 0
        else:
            np.testing.assert_array_equal(codes, twin.codes(*slot))
    np.testing.assert_array_equal(plan.run(), trace.scores)
    np.testing.assert_array_equal(plan.run(NUMPY), trace.scores)


def watched(sums: list[np.ndarray], factors: list[Any]) -> Kernels:
    """Return the slow kernels, which also tell every sum and what it is multiplied by."""

    def watch(name: str) -> Callable[..., None]:
        def run(*operands: Any) -> None:
            getattr(NUMPY, name)(*operands)
            *others, target, accumulator = operands
            held = target.real if isinstance(target, RealTarget) else target.words
            ones = np.ones(target.factor.size, np.float32)
            seen = np.empty((held.shape[0], ones.size), np.float32)
            getattr(NUMPY, name)(*others, RealTarget(seen, ones), accumulator)
            sums.append(np.abs(seen.astype(np.float64)))
            factors.append(target.factor.dtype)

        return run

    names = {field.name for field in fields(Kernels)} - {"quantize", "softmax"}
    return replace(NUMPY, **{name: watch(name) for name in names})


@settings(max_examples=60)
@given(seed=SEEDS, draw=DRAWS)
@example(seed=6927, draw={"operators": ("gat",), "pool": True})  # truncated coefficients
def test_sums_stay_within_the_proof(case: Callable, seed: int, draw: Any) -> None:
    drawn = case(seed, **draw)
    plan = drawn.bind(drawn.random_program((2, 4, 8, 16)))
    sums, factors = [], []
    plan.trace(watched(sums, factors))
    summed = [step for step in plan.steps if step.ending is not None and step.stage.integer]
    for step, reached, factor in zip(summed, sums, factors, strict=True):
        assert step.proof is not None
        assert reached.max(initial=0) <= step.proof.bound * (1 + 1e-6)
        if step.proof.node_bound is not None:
            assert (reached.max(axis=1) <= step.proof.node_bound * (1 + 1e-6)).all()
        params = plan.program.params_of(step.stage.target)
        assert factor == (np.float32 if params is None else np.float64)


def test_a_bias_counts(case: Callable) -> None:
    drawn = case(2, model=ModelSpec(layers=2, hidden=4))
    bias = np.full(4, 1e6, np.float32)
    reference = drawn.reference
    loud = replace(reference, constants={**reference.constants, (0, "bias"): bias})
    program = replace(drawn.random_program((8,)), constants=loud.constants)
    plan, sums = drawn.bind(program), []
    plan.trace(watched(sums, []))
    (proof,) = (proof for proof in plan.proofs if proof.stage == "0.output")
    reached = max(s.max() for s in sums if s.shape[1] == 4)
    assert 2**28 < reached <= proof.bound * (1 + 1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_bounds_are_reached(case: Callable, arranged: Callable, sparse: bool) -> None:
    """Codes at their ends make sums as large as the proof says: it gives nothing away."""
    model = ModelSpec(layers=2, hidden=3)
    drawn = case(1, nodes=6, edges=30, weighted=True, sparse=False, features=4, model=model)
    ones = np.ones((6, 4), np.float32)
    spec = QuantSpec(bits=8)  # signed, so that zero has the lowest code
    weight = IntArray.quantize(np.ones((4, 3), np.float32), qparams(0, 1, spec))
    params = {(0, c): qparams(0, 1, spec) for c in ("input", "feature", "norm", "message")}
    program = replace(
        drawn.reference,
        constants={**drawn.reference.constants, (0, "weight"): weight},
        params=params,
    )
    neighbours = replace(drawn.neighbours, coefficient=np.ones(6, np.float32))
    plan = bind(program, arranged(neighbours), csr_array(ones) if sparse else ones)
    feature, message, aggregate = plan.proofs
    assert feature.bound == 255 * 255 * 4
    assert message.bound == 255 * 255
    codes = plan.constants[0, "edge_weight"].codes()
    in_weights = np.add.reduceat(codes, neighbours.rowptr[:-1])
    assert aggregate.bound == 255 * 255 * in_weights.max()
    np.testing.assert_array_equal(aggregate.node_bound, 255.0 * 255 * in_weights)
    sums = plan.trace().real(0, "aggregate") * (255.0 * 255 * 255) / neighbours.weight.max()
    np.testing.assert_allclose(sums.max(), aggregate.bound, rtol=1e-6)


@settings(max_examples=40)
@given(seed=SEEDS, draw=DRAWS)
def test_float_stages_touch_a_float_slot(case: Callable, seed: int, draw: Any) -> None:
    drawn = case(seed, **draw)
    program = drawn.random_program((8, 8, 32))
    plan = drawn.bind(program)
    trace = plan.trace()
    listed = set(program.float_stages)
    assert ("0.input" in listed) == (trace.codes(0, "input") is None)
    for step in plan.steps:
        layer, name = step.stage.target
        touched = [*step.stage.sources, step.stage.target]
        held = [trace.codes(*slot) is None for slot in touched]
        of_float = name in ("coefficient", "group_share")
        assert (any(held) or of_float) == (f"{layer}.{name}" in listed)
        if step.proof is None:
            assert any(held) or of_float
    assert len(listed) == len(program.float_stages)


@pytest.mark.parametrize("pool", ["none", "sum", "mean", "max"])
@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_only_the_scores_and_a_softmax_are_float(case: Callable, operator: str, pool: str) -> None:
    model = ModelSpec(operator=operator, layers=3, residual=True, pool=pool)
    drawn = case(3, model=model, pool=pool != "none")
    program = drawn.quantized(scheme("degree-quant", bits=4, model=model).quant)
    softmaxes = [f"{layer}.coefficient" for layer in range(3)] if operator == "gat" else []
    assert program.float_stages == [*softmaxes, f"{model.depth - 1}.output"]
    plan = drawn.bind(program)
    assert len(plan.steps) - len(plan.proofs) == len(softmaxes)
    assert plan.run().dtype == np.float32


def test_unquantized_norm_leaves_the_sum_an_integer(case: Callable) -> None:
    model = ModelSpec()
    drawn = case(4, model=model, weighted=False)
    run = scheme("qat", bits=8, component_bits={"norm": 32}, model=model)
    plan = drawn.bind(drawn.quantized(run.quant))
    assert "0.aggregate" in {proof.stage for proof in plan.proofs}
    assert "0.aggregate" in plan.program.float_stages


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "linear"])
def test_dense_and_sparse_features_agree(case: Callable, operator: str) -> None:
    drawn = case(5, operators=(operator,), pool=operator == "linear", sparse=True, features=9)
    program = drawn.random_program((4,))
    sparse = drawn.bind(program)
    dense = bind(program, drawn.neighbourhoods, drawn.x.toarray())
    np.testing.assert_array_equal(sparse.run(), dense.run())
    stored = sparse.trace().codes(0, "input")
    assert stored.shape == (drawn.x.nnz,)


def test_repeated_entries_are_summed_before_they_are_quantized(case: Callable) -> None:
    drawn = case(6, nodes=3, sparse=False, features=2)
    twice = csr_array(
        (np.float32([0.4, 0.5, 1]), np.int32([1, 1, 0]), np.int32([0, 2, 3, 3])), shape=(3, 2)
    )
    plain = np.float32([[0, 0.9], [1, 0], [0, 0]])
    program = bind(drawn.reference, drawn.neighbourhoods, plain)
    np.testing.assert_allclose(
        bind(drawn.reference, drawn.neighbourhoods, twice).run(), program.run(), rtol=1e-6
    )
    assert twice.nnz == 3


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_one_layer_alone(case: Callable, operator: str) -> None:
    model = ModelSpec(operator=operator, layers=3, residual=True, pool="mean")
    drawn = case(7, model=model, sparse=False, pool=True)
    program = drawn.random_program((4,))
    plan, exact = drawn.bind(program), drawn.bind(drawn.reference).trace()
    whole = plan.trace()
    for layer, spec in enumerate(program.layers):
        own = plan.run_layer(layer, whole.real(layer, "input"))
        for name in spec.slots:
            np.testing.assert_array_equal(own.codes(layer, name), whole.codes(layer, name))
    own = plan.run_layer(1, exact.real(1, "input"))
    wanted = IntArray.quantize(exact.real(1, "input"), program.params[1, "input"])
    np.testing.assert_array_equal(own.codes(1, "input"), wanted.codes())
    assert {slot[0] for slot in own.values} == {1}
    with pytest.raises(ValueError, match="no layer 5"):
        plan.run_layer(5, exact.real(4, "input"))
    with pytest.raises(ValueError, match="shape"):
        plan.run_layer(0, np.zeros((1, 1)))


def test_bytes_of_slots_and_of_the_model(case: Callable) -> None:
    model = ModelSpec(layers=2, hidden=10)
    drawn = case(8, nodes=30, features=7, model=model, sparse=False)
    plan = drawn.bind(drawn.quantized(scheme("qat", bits=4, model=model).quant))
    classes = plan.program.classes
    last = -(-classes // 2)
    packed = 7 * 5 + 10 * last
    biases = 4 * (10 + classes)
    scales = 8 * (10 + classes) + 8 * (2 * 6 - 1)
    assert plan.model_bytes == packed + biases + scales
    assert plan.program.float_model_bytes == 4 * (7 * 10 + 10 * classes) + biases
    slots = [((0, "input"), 30 * 4), ((0, "feature"), 30 * 5), ((0, "weight"), 7 * 5)]
    for slot, size in [*slots, ((1, "output"), 30 * 4 * classes)]:
        assert plan.bytes_of(slot) == size


def test_an_isolated_node_without_edges(case: Callable, arranged: Callable) -> None:
    """A row without any edge, not even its own, sums to exactly zero."""
    drawn = case(9, nodes=4, edges=0, weighted=False, sparse=False)
    empty = replace(drawn.neighbours, rowptr=np.zeros(5, np.int64), source=np.empty(0, np.int32))
    program = drawn.random_program((4,))
    trace = bind(program, arranged(empty), drawn.x).trace()
    assert (trace.real(0, "aggregate") == 0).all()


def test_features_without_an_entry(case: Callable) -> None:
    drawn = case(9, nodes=4, features=3, sparse=True)
    silent = csr_array((4, 3), dtype=np.float32)
    program = drawn.random_program((4,))
    sparse, dense = (bind(program, drawn.neighbourhoods, x) for x in (silent, np.zeros((4, 3))))
    np.testing.assert_array_equal(sparse.run(), dense.run())


def test_edge_weights_take_the_norms_width() -> None:
    norm = qparams(0, 1, QuantSpec(bits=4, signed=False))
    params = edge_weight_params(np.float32([0.5, 3]), norm)
    assert params is not None
    assert (params.spec.bits, params.spec.signed, int(params.zero)) == (4, False, 0)
    assert params.scale == pytest.approx(3 / 15)
    assert edge_weight_params(np.float32([1]), None) is None


def test_first_class_wins_a_tie(case: Callable) -> None:
    trace = case(10).bind(case(10).reference).trace()
    tied = replace(trace, values={trace.last: np.float32([[1, 2, 2], [0, 0, 0]])})
    assert tied.classes.tolist() == [1, 0]
    with pytest.raises(KeyError, match=r"no slot 0\.feature"):
        tied.codes(0, "feature")


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros((5, 3)), r"shape \(5, 3\)"),
        (np.full((4, 3), np.nan), "NaN"),
        (csr_array(np.full((4, 3), np.inf)), "infinity"),
    ],
)
def test_refuses_features(case: Callable, x: Any, says: str) -> None:
    drawn = case(11, nodes=4, features=3)
    with pytest.raises(ValueError, match=says):
        bind(drawn.reference, drawn.neighbourhoods, x)


@pytest.mark.parametrize("operator", ["gat", "gin", "sage"])
def test_refuses_edge_weights(case: Callable, operator: str) -> None:
    drawn = case(13, model=ModelSpec(operator=operator), weighted=True)
    with pytest.raises(SpecError, match=f"edge weights.* without, for {operator}"):
        drawn.bind(drawn.reference)


def test_refuses_scales_that_do_not_fit(case: Callable) -> None:
    drawn = case(12, sparse=False)
    program = drawn.random_program((8,))
    tiny = replace(program.params[0, "feature"], scale=np.float32(1e-38).reshape(()))
    huge = replace(program.params[0, "input"], scale=np.float32(1e30).reshape(()))
    params = {**program.params, (0, "feature"): tiny, (0, "input"): huge}
    with pytest.raises(ValueError, match=r"stage 0\.feature must multiply"):
        drawn.bind(replace(program, params=params))


def test_classes_are_those_of_the_largest_scores(case: Callable) -> None:
    drawn = case(5, operators=("gcn",))
    plan = drawn.bind(drawn.random_program((8,)))
    for kernels in (NUMBA, NUMPY):
        np.testing.assert_array_equal(plan.classes(kernels), plan.run().argmax(axis=1))


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_of_few_features_only_those_are_stored_and_nothing_changes(
    case: Callable, share: float
) -> None:
    model = ModelSpec(hidden=6)
    drawn = case(4, nodes=60, features=30, model=model, sparse=False)
    drawn.x[np.random.default_rng(0).random(drawn.x.shape) > share] = 0
    program = drawn.quantized(drawn.random_quant((8,)))
    plan = bind(program, drawn.neighbourhoods, drawn.x)
    assert isinstance(plan.features, SparseIntArray) == (share < SPARSE) == few_entries(drawn.x)
    stored = bind(program, drawn.neighbourhoods, csr_array(drawn.x))
    assert isinstance(stored.features, SparseIntArray)
    np.testing.assert_array_equal(plan.run(), stored.run())
    np.testing.assert_array_equal(plan.run(NUMPY), stored.run())


@pytest.mark.parametrize("hidden", [16, 40])
@pytest.mark.parametrize("counted", [True, False])
def test_of_words_counted_once_more_are_stored_where_rows_of_weights_are_wide(
    case: Callable, hidden: int, counted: bool
) -> None:
    drawn = case(4, nodes=60, features=30, model=ModelSpec(hidden=hidden), sparse=False)
    rng = np.random.default_rng(0)
    there = rng.random(drawn.x.shape) < (SPARSE + SPARSE_ALIKE) / 2
    drawn.x[:] = there * (rng.random((60, 1)) if counted else rng.random(drawn.x.shape))
    program = drawn.quantized(drawn.random_quant((8,)))
    plan = bind(program, drawn.neighbourhoods, drawn.x)
    assert isinstance(plan.features, SparseIntArray) == (counted and hidden == 40)
    if counted and hidden == 40:
        assert plan.features.places.alike
    stored = bind(program, drawn.neighbourhoods, csr_array(drawn.x))
    for kernels in (NUMBA, NUMPY):
        np.testing.assert_array_equal(plan.run(kernels), stored.run(kernels))
