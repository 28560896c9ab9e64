"""How fast neighbours are summed: the gathering step of a layer beside the sums of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.bench import loops
from engine.bench.case import PYG, TORCH, GraphCase, Subject, no_room
from engine.bench.machine import Machine
from engine.bench.race import Effort, Rival
from engine.bench.report import Report, measured
from engine.bench.traffic import INDEX_BYTES, START_BYTES, traffic
from engine.integer import NUMBA, bind
from engine.integer.stages.edges import Edges
from engine.spec import LayerQuant, LayerSpec, ModelSpec, SpecError, scheme


def bench_aggregation(
    case: GraphCase,
    model: ModelSpec,
    machine: Machine,
    effort: Effort,
    *,
    bits: Sequence[int] = (8, 4, 2),
) -> Report:
    """Return the times of summing each node's neighbours, F features wide, requantized to codes.

    The step that a program runs is timed, the allocation of its result included; the others give
    float32 or int32 sums. Torch has the norm folded into its sparse matrix beforehand.

    Args:
        case: The graph; its features are as many as are summed.
        model: The operator whose sums these are, and how a sage gathers.
        machine: The machine.
        effort: How often each is run.
        bits: Widths of the codes.
    """
    graph = case.graph()
    width = graph.features
    spec = LayerSpec(
        operator=model.operator,
        inputs=width,
        outputs=width,
        aggregation=model.aggregation or "mean",
    )
    subject = Subject(case, (spec,), graph)
    if 1 in bits:
        raise SpecError("bits", 1, "2 to 8, 16 or 32: what is summed has more than signs")
    own = [_ours(subject, model, width_bits) for width_bits in bits]
    others, skipped = _others(subject, spec, own[0].operations, effort.against)
    return measured(
        "aggregation",
        {"graph": graph.name, "nodes": graph.nodes, "edges": graph.edges, "features": width}
        | {"operator": model.operator},
        [*others, *own],
        machine,
        effort,
        skipped=skipped,
    )


def quant_of(model: ModelSpec, bits: int) -> tuple[LayerQuant, ...]:
    """Return the quantization of a trained network, everything of one width but the scores."""
    return scheme("ptq", bits=bits, model=model).quant


def _ours(subject: Subject, model: ModelSpec, bits: int) -> Rival:
    program = subject.program(quant_of(model, bits)[:1])
    plan = bind(program, subject.neighbourhoods, subject.graph.x)
    step = next(s for s in plan.steps if s.stage.target == (0, "aggregate"))
    values = plan.trace().values
    held = {slot: values[slot] for slot in step.stage.sources}
    return Rival(
        name=f"ours, {bits} bits",
        run=lambda: step.run(held, NUMBA),
        operations=step.operations,
        bytes_moved=traffic(plan, step),
    )


def _others(
    subject: Subject, spec: LayerSpec, operations: int, against: Sequence[str]
) -> tuple[list[Rival], dict[str, str]]:
    graph, width = subject.graph, spec.inputs
    neighbours = subject.neighbourhoods.of(spec.operator)
    x = np.random.default_rng(0).standard_normal((graph.nodes, width), np.float32)
    rivals: list[Rival] = []
    skipped: dict[str, str] = {}
    if "torch" in against:
        from engine.peers.sums import torch_sums

        each = 4 * width + 4 + INDEX_BYTES  # a row, the entry of the matrix, its column
        moved = neighbours.edges * each + graph.nodes * (START_BYTES + 4 * width)
        run = torch_sums(spec, subject.neighbourhoods, x)
        rivals.append(Rival(name=TORCH, run=run, operations=operations, bytes_moved=moved))
    if "pyg" in against:
        from engine.peers.sums import pyg_sums

        skipped = no_room(graph, width)
        if not skipped:
            run = pyg_sums(spec, graph, x)
            rivals.append(Rival(name=PYG, run=run, operations=operations))
    if "loops" in against and spec.operator == "gcn":
        edges = Edges(neighbours.rowptr, neighbours.source)
        kinds = np.dtype(np.float32), np.dtype(np.int32)
        rivals += [_wide(edges, x, kind, operations) for kind in kinds]
    return rivals, skipped


def _wide(edges: Edges, x: Any, kind: np.dtype[Any], operations: int) -> Rival:
    held = (100 * x).astype(kind)
    norm, out = np.ones(edges.rows, kind), np.empty((edges.rows, x.shape[1]), kind)
    moved = edges.count * (4 * x.shape[1] + INDEX_BYTES) + out.nbytes + edges.rowptr.nbytes
    return Rival(
        name=f"our loop, {kind.name}",
        run=lambda: loops.aggregate(edges.incoming, held, norm, out),
        operations=operations,
        bytes_moved=moved,
    )
