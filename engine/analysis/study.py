"""What a quantized program does to every node of a graph: errors, smoothness, accuracy; torch-free.

One `Study` a float program and graph; one `Analysis` a quantized program of it. Preview, training
and store all end in an `Analysis`, so every chart has one source.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from engine.graphs import Graph, Neighbourhoods
from engine.integer import Calibrator, IntArray, Plan, Program, Trace, bind, mixed
from engine.integer.stages.stage import dense as dense_value
from engine.metrics.cost import Extent
from engine.metrics.errors import absolute_distance, class_flip, relative_distance
from engine.metrics.merit import Merit, merit_of, result
from engine.metrics.pairs import Pairs, pairs
from engine.metrics.propagation import Depth, Forward, Walk, depths
from engine.metrics.rows import dense, subtract
from engine.metrics.saturation import saturation
from engine.metrics.smoothness import Smoothness, smoothness
from engine.spec import COMPONENTS, Component, LayerQuant, LayerSpec
from engine.spec.errors import check_choice, check_integer

Kind = Literal["total", "own", "inherited"]
Measure = Literal["relative_l2", "absolute_l2", "sqnr_db", "class_flip"]
Mode = Literal["only", "all_but"]
Reals = NDArray[np.floating[Any]]

PROGRAM, REFERENCE = "program.npz", "reference.npz"
"""The files in which a run keeps its quantized program, and the float one of the same weights."""


class Study:
    """A float program on a graph, with what every analysis of its quantizations shares.

    Args:
        graph: The graph, or the part of a set that is measured.
        reference: A program without quantized slots.
        calibration: What previews find their ranges on; None for the graph itself.
    """

    def __init__(self, graph: Graph, reference: Program, calibration: Graph | None = None) -> None:
        self.graph = graph
        self.reference = reference
        self.neighbourhoods = Neighbourhoods(graph)
        self._calibration = calibration

    @cached_property
    def plan(self) -> Plan:
        """The float program bound to the graph."""
        return bind(self.reference, self.neighbourhoods, self.graph.x)

    @cached_property
    def trace(self) -> Trace:
        """Every slot of the float forward."""
        return self.plan.trace()

    @cached_property
    def pairs(self) -> Pairs:
        """The graph's pairs of nodes, for smoothness."""
        return pairs(self.graph.edge_index, self.graph.nodes)

    @cached_property
    def smoothness(self) -> tuple[Smoothness, ...]:
        """The float activations' smoothness at depth 0 (the features) to L, see `states`."""
        return tuple(self.smoothness_of(h) for h in self.states(self.trace))

    @property
    def merit(self) -> Merit:
        """What predictions are judged by."""
        return merit_of(self.graph.labels)

    @property
    def layers(self) -> int:
        """Number of layers L."""
        return len(self.reference.layers)

    @cached_property
    def extent(self) -> Extent:
        """What a forward of the graph covers."""
        return extent(self.graph, self.neighbourhoods, self.reference.layers)

    @property
    def components(self) -> tuple[Component, ...]:
        """The components that the network's layers have."""
        held = {c for layer in self.reference.layers for c in layer.components}
        return tuple(c for c in COMPONENTS if c in held)

    @cached_property
    def _calibrator(self) -> Calibrator:
        graph = self._calibration
        if graph is None or graph is self.graph:
            return Calibrator(self.reference, self.trace, self.graph.in_degree)
        return Calibrator(self.reference, Study(graph, self.reference).trace, graph.in_degree)

    def states(self, trace: Trace) -> list[Any]:
        """Return what enters each layer, and the scores: the nodes' state at depth 0 to L.

        What a step sends on, its scores over the root of the degree, is returned as scores. In a
        network for graphs, the last state is what its pool gathers.
        """
        layers = self.reference.layers
        pools = [index for index, layer in enumerate(layers) if layer.pool != "none"]
        count = pools[0] + 1 if pools else len(layers)
        states = [trace.real(*layer.entry(at)) for at, layer in enumerate(layers[:count])]
        for at, layer in enumerate(layers[: count - 1]):
            if layer.scaled:
                root = np.sqrt(np.diff(self.neighbourhoods.of(layer.operator).rowptr))
                states[at + 1] = states[at + 1] * root[:, None]
        return states if pools else [*states, trace.scores]

    def smoothness_of(self, h: Any) -> Smoothness:
        """Return the smoothness of activations, [N, F]."""
        graph = self.graph
        return smoothness(h, self.pairs, graph.y[graph.graph_of_node] if graph.is_set else graph.y)

    def smoothness_among(self, trace: Trace, nodes: NDArray[np.bool_]) -> tuple[Smoothness, ...]:
        """Return the smoothness of some nodes alone, with the edges between them, by depth.

        Args:
            trace: Every slot of a forward.
            nodes: Which nodes, [N].
        """
        graph = self.graph
        edges = graph.edge_index[:, nodes[graph.edge_index].all(axis=0)]
        among = pairs((np.cumsum(nodes) - 1)[edges], int(nodes.sum()))
        y = graph.y[graph.graph_of_node] if graph.is_set else graph.y
        return tuple(smoothness(h[nodes], among, y[nodes]) for h in self.states(trace))

    def preview(self, quant: Sequence[LayerQuant]) -> Analysis:
        """Return the analysis of the float program quantized after training.

        What the float forward, its ranges and the graph give is computed once and reused.

        Raises:
            ValueError: If there is not one `LayerQuant` for each layer.
            AccumulatorOverflow: If no integer is wide enough for a stage on this graph.
        """
        return Analysis(self, self._calibrator.program(quant))

    def analyse(self, program: Program) -> Analysis:
        """Return the analysis of a program of the same network."""
        return Analysis(self, program)


@dataclass(eq=False)
class Analysis:
    """What a quantized program does to every node, computed when first asked for.

    Args:
        study: The float program and the graph.
        program: The quantized program.
    """

    study: Study
    program: Program
    _layers: dict[int, Trace] = field(default_factory=dict, repr=False)

    @cached_property
    def plan(self) -> Plan:
        """The program bound to the graph."""
        return bind(self.program, self.study.neighbourhoods, self.study.graph.x)

    @cached_property
    def trace(self) -> Trace:
        """Every slot of the integer forward."""
        return self.plan.trace()

    @cached_property
    def smoothness(self) -> tuple[Smoothness, ...]:
        """The integer activations' smoothness at depth 0 (the input codes) to L."""
        return tuple(self.study.smoothness_of(h) for h in self.study.states(self.trace))

    def error(
        self,
        layer: int,
        slot: str = "output",
        kind: Kind = "total",
        measure: Measure = "relative_l2",
        rows: NDArray[np.integer[Any]] | None = None,
    ) -> Reals:
        """Return each node's quantization error at one slot of one layer.

        With f the float layer, q the quantized one, x its float and x' its quantized inputs:

            total q(x') - f(x)        own q(x) - f(x)        inherited q(x') - q(x)

        Args:
            layer: The layer's index.
            slot: One of the layer's `LayerSpec.rows`.
            kind: Which error.
            measure: ``relative_l2`` over the norm of f(x), ``absolute_l2``, ``sqnr_db`` in
                decibels, or ``class_flip``: 1.0 where the largest entry of the row is another one.
            rows: Of which nodes, [R]; None for all.

        Returns:
            [N] or [R]; relative error is inf where a node's float row is zero and its error is not.

        Raises:
            SpecError: Naming the argument that is not one of these.
        """
        check_integer("layer", layer, 0, self.study.layers - 1)
        check_choice("slot", slot, self.study.reference.layers[layer].rows)
        check_choice("kind", kind, get_args(Kind))
        exact = self.study.trace.real(layer, slot, rows)
        before, after = exact, self.trace.real(layer, slot, rows)
        if kind == "own":
            after = self._alone(layer).real(layer, slot, rows)
        elif kind == "inherited":
            before = self._alone(layer).real(layer, slot, rows)
        return _measured(before, after, exact, measure)

    def saturation(self, layer: int, slot: str) -> Reals:
        """Return the share of each row's codes that lie at an end of their range, the 0 aside.

        Where widths depend on the in-degree, these are the ends of its bucket's.

        Args:
            layer: The layer's index.
            slot: One of the layer's `LayerSpec.rows`.

        Returns:
            [N], 0 to 1; 0 where the slot is held in float32, or in signs, which have no others.

        Raises:
            SpecError: Naming the argument that is not one of these.
        """
        check_integer("layer", layer, 0, self.study.layers - 1)
        check_choice("slot", slot, self.study.reference.layers[layer].rows)
        held = dense_value(self.trace.value(layer, slot))
        if not isinstance(held, IntArray) or held.params.is_sign:
            return np.zeros(held.shape[0])
        spec, zero = held.params.spec, int(held.params.zero.flat[0])
        shares = saturation(held.codes(), spec.qmin, spec.qmax, zero)
        rows = self.plan.buckets.get((layer, slot), ())
        for nested, of_bucket in zip(held.params.nested, rows[1:], strict=True):
            places = nested.places(held.codes()[of_bucket] - zero)
            shares[of_bucket] = saturation(places, -nested.below, nested.above, 0)
        return shares

    def headroom(self, layer: int, slot: str) -> Reals | None:
        """Return the bits of the accumulator that no input can ever make a row's sums need.

        Args:
            layer: The layer's index.
            slot: One of the layer's `LayerSpec.rows`.

        Returns:
            [N]; None where the slot is no sum of integers.

        Raises:
            SpecError: Naming the argument that is not one of these.
        """
        check_integer("layer", layer, 0, self.study.layers - 1)
        check_choice("slot", slot, self.study.reference.layers[layer].rows)
        step = next((step for step in self.plan.steps if step.target == (layer, slot)), None)
        if step is None or step.proof is None:
            return None
        by_row = step.proof.node_headroom_bits
        return np.full(step.shape[0], step.proof.headroom_bits) if by_row is None else by_row

    def component_error(
        self, component: Component, mode: Mode = "only", measure: Measure = "relative_l2"
    ) -> Reals:
        """Return each node's error of the scores with one component's quantization on or off.

        Args:
            component: One of `Study.components`.
            mode: ``only`` this component is quantized, in every layer, or ``all_but`` this one.
            measure: As for `error`.

        Returns:
            [N].

        Raises:
            SpecError: Naming the argument that is not one of these.
        """
        check_choice("component", component, self.study.components)
        check_choice("mode", mode, get_args(Mode))

        def keep(_layer: int, name: Component) -> bool:
            return (name == component) == (mode == "only")

        exact = self.study.trace.scores
        scores = self._mixed_scores(keep)
        return _measured(exact, scores, exact, measure)

    @cached_property
    def result(self) -> dict[str, float]:
        """What `Study.merit` says of the test units, in ``float`` and in the ``integer`` one."""
        tested, y = self.study.graph.test, self.study.graph.labels
        traces = {"float": self.study.trace, "integer": self.trace}
        return {name: result(trace.scores[tested], y[tested]) for name, trace in traces.items()}

    @cached_property
    def depths(self) -> tuple[Depth, ...]:
        """What the propagation does from step to step, 0 to K; nothing without one."""
        layers = self.study.reference.layers
        steps = [at for at, layer in enumerate(layers) if layer.propagates]
        return _depths(self, steps) if steps else ()

    @cached_property
    def size(self) -> dict[str, int]:
        """Bytes: ``model_bytes``, ``float_model_bytes``, ``buffer_bytes``."""
        return {
            "model_bytes": self.plan.model_bytes,
            "float_model_bytes": self.program.float_model_bytes,
            "buffer_bytes": self.plan.buffer_bytes,
        }

    def _alone(self, layer: int) -> Trace:
        if layer not in self._layers:
            exact = {slot: self.study.trace.real(*slot) for slot in self.plan.entries(layer)}
            self._layers[layer] = self.plan.run_layer(layer, exact)
        return self._layers[layer]

    def _mixed_scores(self, keep: Callable[[int, Component], bool]) -> NDArray[np.float32]:
        program = mixed(self.study.reference, self.program, keep)
        return bind(program, self.study.neighbourhoods, self.study.graph.x).run()


def extent(graph: Graph, neighbourhoods: Neighbourhoods, layers: Sequence[LayerSpec]) -> Extent:
    """Return what a forward of a graph through layers covers.

    Raises:
        SpecError: If an operator takes no edge weights and the graph has some.
    """
    operators = {layer.operator for layer in layers} - {"linear"}
    return Extent(
        nodes=graph.nodes,
        edges={operator: neighbourhoods.of(operator).edges for operator in operators},
        entries=graph.x.size if isinstance(graph.x, np.ndarray) else graph.x.nnz,
        weighted=graph.edge_weight is not None,
        graphs=len(neighbourhoods.pools) - 1,
        pairs=neighbourhoods.incidence.pairs if "elastic" in operators else 0,
    )


def _depths(analysis: Analysis, steps: Sequence[int]) -> tuple[Depth, ...]:
    """Return what `engine.metrics.propagation` says of the steps in these layers."""
    study, program = analysis.study, analysis.program
    layers, first = study.reference.layers, steps[0]
    how = layers[first].propagates
    assert how is not None
    neighbours = study.neighbourhoods.of(layers[first].operator)
    joined = study.neighbourhoods.incidence
    slots = [(first, "message"), *((at, "output") for at in steps)]

    def forward(trace: Trace) -> Forward:
        held = [(trace.codes(*slot), program.params_of(slot)) for slot in slots]
        return Forward(
            scores=study.states(trace)[first:],
            sent=trace.real(first, "message"),
            codes=[None if c is None or p is None else (c, p.spec) for c, p in held],
        )

    def levels(at: int) -> int:
        held = [program.params_of((at, slot)) for slot in layers[at].rows if slot != "message"]
        return min((p.spec.qmax - p.spec.qmin for p in held if p is not None), default=0)

    constrained = layers[first].operator == "smp"
    return depths(
        how,
        Walk(neighbours.rowptr, neighbours.source, joined.first, joined.second),
        forward(study.trace),
        forward(analysis.trace),
        [analysis.trace.real(at, "multiplier").item() if constrained else 0.0 for at in steps],
        [levels(at) for at in steps],
        study.graph.y,
        study.graph.test,
    )


def _measured(before: Any, after: Any, exact: Any, measure: Measure) -> Reals:
    check_choice("measure", measure, get_args(Measure))
    if measure == "class_flip":
        return class_flip(dense(before), dense(after)).astype(np.float64)
    if measure == "absolute_l2":
        return absolute_distance(subtract(after, before))
    relative = relative_distance(subtract(after, before), exact)
    if measure == "relative_l2":
        return relative
    with np.errstate(divide="ignore"):
        return np.asarray(-20 * np.log10(relative))
