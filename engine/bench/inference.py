"""How fast the integer path is beside float32: from input codes to classes, the whole graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

from engine.bench import loops
from engine.bench.aggregation import quant_of
from engine.bench.case import PYG, TORCH, GraphCase, Subject, no_room
from engine.bench.machine import Machine
from engine.bench.race import Effort, Rival
from engine.bench.report import Report, measured
from engine.bench.stages import profile
from engine.bench.threads import fastest
from engine.bench.traffic import traffic
from engine.integer import Plan, bind
from engine.integer.plan import SPARSE_ALIKE, few_entries
from engine.integer.stages.edges import Edges
from engine.spec import ModelSpec


def bench_inference(
    case: GraphCase,
    model: ModelSpec,
    machine: Machine,
    effort: Effort,
    *,
    classes: int | None = None,
    bits: Sequence[int] = (8, 4, 2),
    profiled: bool = False,
) -> Report:
    """Return the times of a forward of the whole graph, from input codes to classes.

    Weights are random: time does not depend on them.

    Args:
        case: The graph.
        model: The network.
        machine: The machine.
        effort: How often each is run.
        classes: Scores of a node; None for the graph's classes.
        bits: Widths, each of every component but the final scores.
        profiled: Whether each of our programs' stages are timed as well.
    """
    graph = case.graph()
    layers = model.layer_specs(graph.features, classes or graph.classes)
    subject = Subject(case, layers, graph)
    plans = {
        width: bind(subject.program(quant_of(model, width)), subject.neighbourhoods, graph.x)
        for width in bits
    }
    own = [_ours(f"ours, {width} bits", plan) for width, plan in plans.items()]
    others, skipped = _others(subject, own[0].operations, effort.against)
    stages = {
        f"ours, {width} bits": profile(plan, machine) for width, plan in plans.items() if profiled
    }
    return measured(
        "inference",
        {
            "graph": graph.name,
            "nodes": graph.nodes,
            "edges": graph.edges,
            "operator": model.operator,
            "widths": "→".join(str(spec.inputs) for spec in layers) + f"→{layers[-1].outputs}",
        },
        [*others, *own],
        machine,
        effort,
        skipped=skipped,
        stages=stages,
    )


def _ours(name: str, plan: Plan) -> Rival:
    return Rival(
        name=name,
        run=plan.classes,
        operations=plan.schedule.operations,
        bytes_moved=sum(traffic(plan, step) for step in plan.schedule.steps),
    )


def _others(
    subject: Subject, operations: int, against: Sequence[str]
) -> tuple[list[Rival], dict[str, str]]:
    graph, reference = subject.graph, subject.reference
    rivals: list[Rival] = []
    skipped: dict[str, str] = {}
    if "torch" in against:
        from engine.peers import chosen, torch_best

        ways = [graph]  # as we do, the features with all zeros or without, whichever is faster
        if few_entries(graph.x, SPARSE_ALIKE):
            ways.append(replace(graph, x=csr_array(graph.x)))
        runs = (chosen(torch_best(reference, subject.neighbourhoods, way)) for way in ways)
        run = fastest(*runs)
        rivals.append(Rival(name=TORCH, run=run, operations=operations))
    if "pyg" in against:
        from engine.peers import chosen, pyg_default

        skipped = no_room(graph, max(layer.width for layer in reference.layers))
        if not skipped:
            run = chosen(pyg_default(reference, graph))
            rivals.append(Rival(name=PYG, run=run, operations=operations))
    plain = all(layer.operator == "gcn" for layer in reference.layers) and not issparse(graph.x)
    if "loops" in against and plain and graph.edge_weight is None:
        for kind in (np.dtype(np.float32), np.dtype(np.int32)):
            forward = _wide(subject, kind)

            def classes(forward: Callable[[], Any] = forward) -> Any:
                return loops.choose(forward())

            rivals.append(Rival(name=f"our loops, {kind.name}", run=classes, operations=operations))
    return rivals, skipped


def _wide(subject: Subject, kind: np.dtype[Any]) -> Callable[[], Any]:
    """Return a GCN's forward in wide numbers, step by step as our program goes."""
    reference, count = subject.reference, len(subject.reference.layers)
    neighbours = subject.neighbourhoods.of("gcn")
    edges = Edges(neighbours.rowptr, neighbours.source)

    def wide(real: Any) -> Any:
        return np.ascontiguousarray(real * np.float32(1 if kind == np.float32 else 100), kind)

    norm, x = wide(neighbours.coefficient), wide(subject.graph.x)
    constants = [
        [wide(reference.constants[layer, name]) for name in ("weight", "bias")]
        for layer in range(count)
    ]
    lowest = np.finfo(kind).min if kind == np.float32 else np.iinfo(kind).min

    def forward() -> Any:
        h = x
        for layer, (weight, bias) in enumerate(constants):
            feature = np.empty((len(h), weight.shape[1]), kind)
            loops.product(h, weight, feature)
            loops.scale(feature, norm)
            h = np.empty_like(feature)
            loops.aggregate(edges.incoming, feature, norm, h)
            loops.shift(h, bias, kind.type(0 if layer < count - 1 else lowest))
        return h

    return forward
