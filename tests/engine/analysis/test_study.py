"""The analysis of a quantized program: each error by hand, and what a preview reuses."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import issparse

from engine.analysis import Analysis, Study
from engine.graphs import Graph, calibration_part, measured_part
from engine.integer import Program, bind, mixed
from engine.metrics.merit import MAE
from engine.metrics.pairs import pairs
from engine.metrics.rows import dense
from engine.metrics.smoothness import smoothness
from engine.spec import FP32, Bucket, LayerQuant, ModelSpec, QuantSpec, SpecError, scheme, vary

MODEL = ModelSpec(layers=4, hidden=8, residual=True)
SLOTS = MODEL.layer_specs(1, 1)[0].rows
MakesProgram = Callable[[Graph, ModelSpec], Program]
KINDS = ("total", "own", "inherited")


@pytest.fixture(scope="module")
def study(karate: Graph, float_program: MakesProgram) -> Study:
    return Study(karate, float_program(karate, MODEL))


@pytest.fixture(scope="module")
def analysis(study: Study) -> Analysis:
    return study.preview(scheme("ptq", bits=4, model=MODEL).quant)


def rows_of(x: Any) -> list[list[float]]:
    dense = x.toarray() if issparse(x) else x
    return np.asarray(dense, np.float64).tolist()


def slow_relative(after: Any, before: Any, exact: Any) -> list[float]:
    errors = []
    for a, b, f in zip(rows_of(after), rows_of(before), rows_of(exact), strict=True):
        length = math.dist(a, b)
        size = math.hypot(*f)
        errors.append(length / size if size else math.inf if length else 0.0)
    return errors


def forwards(analysis: Analysis, layer: int, component: str) -> tuple[Any, Any, Any]:
    """Return f(x), q(x) and q(x'): of the layer in float, quantized alone, and quantized last.

    A layer quantized alone is found another way than the analysis does: by a whole program in which
    no other layer is quantized.
    """
    study = analysis.study
    alone = mixed(study.reference, analysis.program, lambda of_layer, _: of_layer == layer)
    own = bind(alone, study.neighbourhoods, study.graph.x).trace()
    traces = (study.trace, own, analysis.trace)
    exact, by_itself, total = (trace.real(layer, component) for trace in traces)
    return exact, by_itself, total


@pytest.mark.parametrize("layer", range(MODEL.layers))
@pytest.mark.parametrize("component", SLOTS)
def test_errors_by_hand(analysis: Analysis, layer: int, component: Any) -> None:
    exact, own, total = forwards(analysis, layer, component)
    expected = {
        "total": slow_relative(total, exact, exact),
        "own": slow_relative(own, exact, exact),
        "inherited": slow_relative(total, own, exact),
    }
    for kind in KINDS:
        found = analysis.error(layer, component, kind)
        np.testing.assert_allclose(found, expected[kind], rtol=1e-4, atol=1e-6)
        db = analysis.error(layer, component, kind, "sqnr_db")
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(db, -20 * np.log10(found), rtol=1e-6)
    finite = np.isfinite(expected["total"])
    assert finite.sum() > 20


@pytest.mark.parametrize("layer", range(MODEL.layers))
@pytest.mark.parametrize("component", SLOTS)
def test_total_is_at_most_own_and_inherited(analysis: Analysis, layer: int, component: Any) -> None:
    total, own, inherited = (analysis.error(layer, component, kind) for kind in KINDS)
    assert (total <= (own + inherited) * (1 + 1e-6) + 1e-9).all()
    if layer == 0:
        np.testing.assert_array_equal(total, own)
        assert not inherited.any()
    elif component == "output":
        assert inherited.any()


@pytest.mark.parametrize("layer", range(MODEL.layers))
def test_class_flips_by_hand(analysis: Analysis, layer: int) -> None:
    def highest(rows: Any) -> list[int]:
        return [row.index(max(row)) for row in rows_of(rows)]

    exact, own, total = map(highest, forwards(analysis, layer, "output"))
    pairs = {"total": (exact, total), "own": (exact, own), "inherited": (own, total)}
    for kind, (before, after) in pairs.items():
        expected = [float(a != b) for a, b in zip(before, after, strict=True)]
        assert analysis.error(layer, "output", kind, "class_flip").tolist() == expected
    assert analysis.error(MODEL.layers - 1, measure="class_flip").any()


@pytest.mark.parametrize("component", MODEL.layer_specs(1, 1)[0].components)
@pytest.mark.parametrize("mode", ["only", "all_but"])
def test_component_errors_are_those_of_programs_quantized_that_way(
    study: Study, analysis: Analysis, component: Any, mode: Any
) -> None:
    quant = scheme("ptq", bits=4, model=MODEL).quant

    def kept(name: str, spec: QuantSpec) -> QuantSpec:
        return spec if (name == component) == (mode == "only") else FP32

    twin = study.preview([layer.map(kept) for layer in quant]).trace.scores
    exact = study.trace.scores
    found = analysis.component_error(component, mode)
    np.testing.assert_allclose(found, slow_relative(twin, exact, exact), rtol=1e-4, atol=1e-6)
    flips = analysis.component_error(component, mode, "class_flip")
    assert flips.tolist() == (twin.argmax(1) != exact.argmax(1)).astype(float).tolist()
    assert found.any()


def test_without_quantization_there_is_no_error(study: Study) -> None:
    analysis = study.preview([LayerQuant()] * MODEL.layers)
    assert analysis.program is study.reference
    for layer in range(MODEL.layers):
        for component in SLOTS:
            for kind in KINDS:
                assert not analysis.error(layer, component, kind).any()
        assert np.isposinf(analysis.error(layer, measure="sqnr_db")).all()
    assert not analysis.component_error("weight").any()
    assert analysis.result["integer"] == analysis.result["float"]
    assert analysis.size["model_bytes"] == analysis.size["float_model_bytes"]


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (lambda analysis: analysis.error(4), "layer"),
        (lambda analysis: analysis.error(-1), "layer"),
        (lambda analysis: analysis.error(True), "layer"),
        (lambda analysis: analysis.error(0, "weight"), "slot"),
        (lambda analysis: analysis.error(0, "agregate"), "slot"),
        (lambda analysis: analysis.error(0, kind="outer"), "kind"),
        (lambda analysis: analysis.error(0, measure="l2"), "measure"),
        (lambda analysis: analysis.component_error("agregate"), "component"),
        (lambda analysis: analysis.component_error("attention"), "component"),
        (lambda analysis: analysis.component_error("weight", "none"), "mode"),
        (lambda analysis: analysis.component_error("weight", measure="l2"), "measure"),
    ],
)
def test_each_wrong_argument_is_named(
    analysis: Analysis, ask: Callable[[Analysis], Any], field: str
) -> None:
    with pytest.raises(SpecError) as caught:
        ask(analysis)
    assert caught.value.field == field


def test_a_preview_needs_one_entry_a_layer(study: Study) -> None:
    with pytest.raises(ValueError, match="quantization of 2 layers, wanted 4"):
        study.preview([LayerQuant()] * 2)


def test_accuracy_and_size(study: Study, analysis: Analysis) -> None:
    graph = study.graph
    for name, trace in (("float", study.trace), ("integer", analysis.trace)):
        right = [
            row.index(max(row)) == y
            for row, y, test in zip(rows_of(trace.scores), graph.y, graph.test, strict=True)
            if test
        ]
        assert analysis.result[name] == pytest.approx(sum(right) / len(right))
    size = analysis.size
    assert size["float_model_bytes"] == 4 * (34 * 8 + 8 + 2 * (8 * 8 + 8) + 8 * 4 + 4)
    assert size["model_bytes"] < size["float_model_bytes"] / 2
    assert size["buffer_bytes"] == analysis.plan.buffer_bytes


def test_smoothness_at_every_depth(study: Study, analysis: Analysis) -> None:
    for known, trace in ((study.smoothness, study.trace), (analysis.smoothness, analysis.trace)):
        states = [*(trace.real(layer, "input") for layer in range(4)), trace.scores]
        expected = [smoothness(h, study.pairs, study.graph.y).to_dict() for h in states]
        np.testing.assert_equal([depth.to_dict() for depth in known], expected)
    assert len(study.states(study.trace)) == 5


def test_what_does_not_change_is_computed_once(study: Study) -> None:
    one = study.preview(scheme("ptq", bits=8, model=MODEL).quant)
    two = study.preview(scheme("ptq", bits=2, model=MODEL).quant)
    assert one.study.trace is two.study.trace
    assert study.smoothness is study.smoothness
    assert one.trace is one.trace
    assert one.error(3).max() < two.error(3).max()


def test_any_program_of_the_network_can_be_analysed(study: Study, analysis: Analysis) -> None:
    again = study.analyse(analysis.program)
    np.testing.assert_array_equal(again.error(3), analysis.error(3))
    assert study.layers == 4


def scales(analysis: Analysis) -> dict[Any, float]:
    return {slot: held.scale.item() for slot, held in analysis.program.params.items()}


def test_previews_of_a_part_find_their_ranges_on_another(
    rings: Graph, float_program: MakesProgram
) -> None:
    model = ModelSpec(operator="gin", hidden=8, pool="mean")
    program = float_program(rings, model)
    quant = scheme("ptq", bits=4, model=model).quant
    measured, calibration = measured_part(rings), calibration_part(rings)
    preview = Study(measured, program, calibration).preview(quant)
    assert preview.study.graph is measured
    elsewhere = Study(calibration, program).preview(quant)
    assert scales(preview) == scales(elsewhere) != scales(Study(measured, program).preview(quant))
    assert len(preview.error(1)) == measured.nodes
    assert len(preview.error(3)) == measured.units


def test_absolute_errors_are_lengths(analysis: Analysis) -> None:
    exact, found = (dense(of.trace.real(2, "output")) for of in (analysis.study, analysis))
    twin = [math.dist(a, b) for a, b in zip(rows_of(exact), rows_of(found), strict=True)]
    assert analysis.error(2, measure="absolute_l2") == pytest.approx(twin)


def test_predictions_of_targets_are_judged_by_their_error(
    rings: Graph, float_program: MakesProgram
) -> None:
    model = ModelSpec(operator="gin", hidden=8, pool="mean")
    targets = np.random.default_rng(1).normal(size=(rings.units, 2)).astype(np.float32)
    real = replace(rings, targets=targets, classes=0, y=np.full_like(rings.y, -1))
    analysis = Study(real, float_program(real, model)).preview(scheme("ptq", model=model).quant)
    assert analysis.study.merit is MAE
    for name, trace in (("float", analysis.study.trace), ("integer", analysis.trace)):
        expected = np.abs(trace.scores - targets)[real.test].mean()
        assert analysis.result[name] == pytest.approx(expected)


def test_smoothness_of_some_nodes_is_that_of_the_graph_between_them(study: Study) -> None:
    graph = study.graph
    nodes = np.arange(graph.nodes) % 3 > 0
    number = {int(node): at for at, node in enumerate(np.flatnonzero(nodes))}
    edges = [
        (number[s], number[t])
        for s, t in graph.edge_index.T.tolist()
        if s in number and t in number
    ]
    among = pairs(np.array(edges).T, len(number))
    states = study.states(study.trace)
    slow = tuple(smoothness(dense(h)[nodes], among, graph.y[nodes]) for h in states)
    assert [at.to_dict() for at in study.smoothness_among(study.trace, nodes)] == [
        at.to_dict() for at in slow
    ]


def test_headroom_is_what_the_largest_sum_of_a_node_leaves(analysis: Analysis) -> None:
    plan = analysis.plan
    proof = next(step.proof for step in plan.steps if step.target == (1, "aggregate"))
    assert proof is not None
    assert proof.node_bound is not None
    left = analysis.headroom(1, "aggregate")
    assert left is not None
    assert left.tolist() == [31 - math.log2(max(bound, 1)) for bound in proof.node_bound.tolist()]
    of_all = analysis.headroom(1, "feature")
    assert of_all is not None
    assert set(of_all.tolist()) == {
        next(step.proof.headroom_bits for step in plan.steps if step.target == (1, "feature"))
    }
    assert analysis.headroom(0, "input") is None
    with pytest.raises(SpecError, match="slot"):
        analysis.headroom(0, "norm")


@pytest.mark.parametrize("kind", ["total", "own", "inherited"])
@pytest.mark.parametrize("measure", ["relative_l2", "absolute_l2", "class_flip"])
def test_errors_of_some_nodes_are_those_of_all(analysis: Analysis, kind: Any, measure: Any) -> None:
    nodes = np.array([33, 0, 5, 0])
    for layer, spec in enumerate(analysis.study.reference.layers):
        for slot in spec.rows:
            some = analysis.error(layer, slot, kind, measure, nodes)
            assert some.tolist() == analysis.error(layer, slot, kind, measure)[nodes].tolist()


def test_saturation_counts_the_codes_at_the_ends(analysis: Analysis) -> None:
    codes = analysis.trace.codes(2, "aggregate")
    params = analysis.program.params_of((2, "aggregate"))
    assert codes is not None
    assert params is not None
    ends = {params.spec.qmin, params.spec.qmax} - {int(params.zero)}
    slow = [sum(code in ends for code in row) / len(row) for row in codes.tolist()]
    assert analysis.saturation(2, "aggregate").tolist() == pytest.approx(slow)
    assert not analysis.saturation(3, "output").any(), "the scores are in float"


def test_saturation_is_of_the_codes_of_an_in_degree(study: Study, karate: Graph) -> None:
    buckets = (Bucket(degree=3, bits=3), Bucket(degree=6, bits=2))
    spec = vary(scheme("ptq", bits=5, model=MODEL), buckets=buckets)
    analysis = study.preview(spec.quant)
    codes, params = (
        analysis.trace.codes(2, "aggregate"),
        analysis.program.params_of((2, "aggregate")),
    )
    assert codes is not None
    assert params is not None
    slow = []
    for row, degree in zip(codes.tolist(), karate.in_degree.tolist(), strict=True):
        bucket = sum(degree >= b.degree for b in buckets)
        steps = [code - int(params.zero) for code in row]
        low, high = -params.room[0], params.room[1]
        if bucket:
            nested = params.nested[bucket - 1]
            steps = [step // nested.multiple for step in steps]
            low, high = -nested.below, nested.above
        slow.append(sum(step in {low, high} - {0} for step in steps) / len(steps))
    assert analysis.saturation(2, "aggregate").tolist() == pytest.approx(slow)
