"""A program bound to a graph: proven, sized, ready to run again and again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from engine.affine import QParams, qparams
from engine.integer.kernels.operands import Places
from engine.integer.kernels.sparse_product import WIDE
from engine.integer.kernels.table import NUMBA, Kernels
from engine.integer.nested import Rows, nested_bytes
from engine.integer.packing import IntArray, word_count, word_type
from engine.integer.program import ENTRY, Program
from engine.integer.proof import Proof
from engine.integer.recording import Pool, Recording, record
from engine.integer.schedule import Schedule, schedule
from engine.integer.sparse import SparseIntArray, alike
from engine.integer.sparsity import sparse_steps
from engine.integer.stages.nested import Buckets, buckets_of, by_degree, narrowed, widened
from engine.integer.stages.product import Product
from engine.integer.stages.stage import (
    Scope,
    Slot,
    Stage,
    Step,
    Value,
    Values,
    hold,
    real,
    size_bytes,
    slot_name,
)
from engine.integer.trace import Trace
from engine.spec import QuantSpec, SpecError

if TYPE_CHECKING:
    from engine.graphs.neighbours import Neighbourhoods


SPARSE = 0.2
"""Share of features other than 0 up to which only those are stored."""

SPARSE_ALIKE = 0.5
"""The same where each node's are one number, and rows of weights are wide: see `sparse_product`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """A program with all that depends on the graph worked out; several threads may run it at once.

    Args:
        program: The program.
        shapes: Rows and features of every slot that is filled.
        constants: The program's constants and the graph's coefficients, as they are held.
        features: The node features as they are held, quantized once.
        steps: The bound stages.
        buckets: The rows of each bucket, of the slots whose widths depend on the in-degree.
    """

    program: Program
    shapes: Mapping[Slot, tuple[int, int]]
    constants: Values
    features: Value
    steps: tuple[Step, ...]
    buckets: Buckets

    @cached_property
    def schedule(self) -> Schedule:
        """How `run` goes: in fused steps, in memory laid out beforehand."""
        scores = self.program.scores
        handed_on = {scores} if self.program.params_of(scores) is None else set()
        return schedule(self._sparse_steps, self.bytes_of, handed_on)

    @cached_property
    def _sparse_steps(self) -> tuple[Step, ...]:
        return sparse_steps(self.steps, ENTRY, self.features)

    @cached_property
    def _places(self) -> Mapping[Slot, Places]:
        """The entries that a run stores of what it fills, where not all."""
        return {s.target: s.places for s in self._sparse_steps if s.places is not None}

    @cached_property
    def _recordings(self) -> Pool[Recording]:
        return Pool(lambda: record(self.schedule, ENTRY, self.features))

    def run(self, kernels: Kernels = NUMBA) -> NDArray[np.float32]:
        """Return the scores, [N, C] or of graphs [G, C].

        Args:
            kernels: The compiled ones, or `NUMPY` for the slow reference of the whole program.
        """
        if kernels is not NUMBA:
            held: NDArray[np.float32] = real(self.schedule.walk(ENTRY, self.features, kernels))
            return held
        with self._recordings.one() as recording:
            scores: NDArray[np.float32] = real(recording.run())
        return scores

    def classes(self, kernels: Kernels = NUMBA) -> NDArray[np.int32]:
        """Return the class of each node's largest score, int32 [N], or of graphs [G].

        Args:
            kernels: As for `run`.
        """
        scores = self.run(kernels)
        classes = np.empty(scores.shape[0], np.int32)
        kernels.choose(scores, classes)
        return classes

    def trace(self, kernels: Kernels = NUMBA) -> Trace:
        """Return every slot of a forward pass."""
        return self._keep({ENTRY: self.features}, self.steps, kernels)

    def run_layer(self, layer: int, x: Any, kernels: Kernels = NUMBA) -> Trace:
        """Return the slots of one layer alone.

        Args:
            layer: The layer.
            x: Its exact inputs, real, [N, F] or [G, F], held as the program holds that layer's; by
                slot those of all its `entries`, where it has others.
            kernels: As for `run`.

        Raises:
            ValueError: If the layer does not exist or the inputs do not fit it.
        """
        steps = self._steps_of(layer)
        if not steps:
            raise ValueError(f"no layer {layer}, the program has {len(self.program.layers)}")
        held: dict[Slot, Value] = {}
        for slot, entering in (x if isinstance(x, Mapping) else {(layer, "input"): x}).items():
            exact = _checked(entering, *self.shapes[slot])
            value = hold(exact, self.program.params_of(slot), kernels)
            held[slot] = narrowed(value, self.buckets[slot]) if slot in self.buckets else value
        return self._keep(held, steps, kernels)

    def entries(self, layer: int) -> tuple[Slot, ...]:
        """Return the slots that a layer reads: its input, or what others than it filled."""
        steps = self._steps_of(layer)
        read = dict.fromkeys(slot for step in steps for slot in step.sources)
        filled = {*self.constants, *(step.target for step in steps)}
        return tuple(slot for slot in read if slot not in filled)

    def _steps_of(self, layer: int) -> tuple[Step, ...]:
        entry = (layer, "input")
        return tuple(s for s in self.steps if s.target[0] == layer and s.target != entry)

    def _keep(self, values: dict[Slot, Value], steps: tuple[Step, ...], kernels: Kernels) -> Trace:
        for step in steps:
            values[step.target] = step.run(values, kernels)
        layers = {slot[0] for slot in values}
        held = {slot: value for slot, value in self.constants.items() if slot[0] in layers}
        on_grid = {slot: widened(value) for slot, value in values.items()}
        return Trace({**held, **on_grid}, self.program.scores)

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The bound of every stage that sums integers, in order."""
        return tuple(step.proof for step in self.steps if step.proof)

    @property
    def model_bytes(self) -> int:
        """Bytes of the packed constants, and of all scales and zero points."""
        return self.program.model_bytes

    def bytes_of(self, slot: Slot) -> int:
        """Return the bytes that a slot takes in a run, a constant's too; places are the plan's."""
        held = self.features if slot == ENTRY else self.constants.get(slot)
        if held is not None:
            return size_bytes(held)
        shape = self._places[slot].blocks if slot in self._places else self.shapes[slot]
        return _bytes(shape, self.program.params_of(slot), self.buckets.get(slot))

    @property
    def buffer_bytes(self) -> int:
        """Bytes of activations held by a run: its input codes, its block, what else it fills.

        Where the entries are that are stored in part counts; real numbers that a float stage makes
        of codes while it computes do not, nor does what a stage widens to one grid where widths
        depend on the in-degree: see `widened_bytes`.
        """
        known = self.features.places if isinstance(self.features, SparseIntArray) else None
        made = sum(places.nbytes for places in self._places.values() if places is not known)
        return size_bytes(self.features) + self.schedule.peak_bytes + made

    @property
    def widened_bytes(self) -> int:
        """Most bytes that a stage widens to one grid while it computes, what it fills included.

        0 where no width depends on the in-degree.
        """

        def on_grid(slot: Slot) -> int:
            if slot not in self.buckets:
                return 0
            if slot == ENTRY:
                return size_bytes(widened(self.features))
            return _bytes(self.shapes[slot], self.program.params_of(slot))

        return max(sum(map(on_grid, {step.target, *step.sources})) for step in self.steps)


def bind(program: Program, neighbourhoods: Neighbourhoods, x: Any) -> Plan:
    """Return a program bound to a graph.

    Args:
        program: The program.
        neighbourhoods: Who receives from whom, and whose nodes a graph's are; edge weights, if
            any, are quantized over their own range, unsigned, at the norm's width.
        x: Node features, float32 [N, F], dense or sparse.

    Raises:
        AccumulatorOverflow: If 64 bits may not hold a stage's sums on this graph.
        SpecError: If the graph has edge weights and an operator takes none.
        ValueError: If the features do not fit the program or the graph, or are not finite.
    """
    shape = neighbourhoods.nodes, program.features
    x = _checked(x, *shape)
    constants: dict[Slot, Value] = dict(program.constants)
    params: dict[Slot, QParams] = dict(program.params)
    params |= {s: c.params for s, c in program.constants.items() if isinstance(c, IntArray)}
    entry = program.params_of(ENTRY)
    if (
        entry is not None and entry.has_zero and _stores_few(program, x)
    ):  # so that nothing else changes
        x = csr_array(x)
    buckets = buckets_of(program.params, neighbourhoods)
    features = hold(x, entry, NUMBA)
    for layer, spec in enumerate(program.layers):
        if spec.operator != "gcn":
            continue
        neighbours, norm = neighbourhoods.of("gcn"), params.get((layer, "norm"))
        constants[layer, "norm"] = hold(neighbours.coefficient, norm, NUMBA)
        if neighbours.weight is not None:
            of_edges = edge_weight_params(neighbours.weight, norm)
            constants[layer, "edge_weight"] = hold(neighbours.weight, of_edges, NUMBA)
            if of_edges:
                params[layer, "edge_weight"] = of_edges
    stored = {} if isinstance(features, IntArray | np.ndarray) else {ENTRY: x.nnz}
    scope = Scope(neighbourhoods, params, constants, {ENTRY: shape}, stored)
    steps = []
    for stage in program.stages:
        step = stage.bind(scope)
        scope.shapes[stage.target] = step.shape
        steps.append(by_degree(step, buckets))
    for slot in buckets:
        if scope.shapes[slot][0] != neighbourhoods.nodes:
            accepts = "none: its rows are not the nodes"
            raise SpecError(f"{slot_name(slot)}.buckets", params[slot].spec.buckets, accepts)
    return Plan(
        program=program,
        shapes=scope.shapes,
        constants=constants,
        features=narrowed(features, buckets[ENTRY]) if ENTRY in buckets else features,
        steps=tuple(steps),
        buckets=buckets,
    )


def edge_weight_params(weight: NDArray[np.float32], norm: QParams | None) -> QParams | None:
    """Return the parameters of edge weights, [E]: their min/max, unsigned, at the norm's width."""
    if norm is None:
        return None
    spec = QuantSpec(bits=norm.spec.bits, signed=False)
    return qparams(weight.min(initial=0), weight.max(initial=0), spec)


def _checked(x: Any, rows: int, features: int) -> Any:
    """Return features as float32, a sparse matrix with one sorted entry a place.

    Raises:
        ValueError: If they do not fit.
    """
    if issparse(x):
        x = csr_array(x, dtype=np.float32)
        if not x.has_canonical_format:
            x = x.copy()
            x.sum_duplicates()
    else:
        x = np.asarray(x, np.float32)
    if x.shape != (rows, features):
        raise ValueError(f"features of shape {x.shape}, wanted [{rows} rows, {features} features]")
    if not np.isfinite(x.data if issparse(x) else x).all():
        raise ValueError("features hold infinity or NaN, wanted finite numbers")
    return x


def few_entries(x: Any, share: float = SPARSE) -> bool:
    """Return whether so few of dense features are other than 0 that a product should skip these.

    What is stored is met one by one, which takes longer each, and as long in all where about one in
    five is stored.
    """
    return not issparse(x) and bool(x.size) and np.count_nonzero(x) <= share * x.size


def _stores_few(program: Program, x: Any) -> bool:
    """Return whether a program's dense features are best held by what is other than 0."""

    def gathers(stage: Stage) -> bool:
        weight = program.constants[stage.weight] if isinstance(stage, Product) else None
        return isinstance(weight, IntArray) and weight.words[:1].nbytes >= WIDE

    if few_entries(x) or not few_entries(x, SPARSE_ALIKE):
        return few_entries(x)
    readers = (stage for stage in program.stages if ENTRY in stage.sources)
    return all(map(gathers, readers)) and alike(csr_array(x))


def _bytes(shape: tuple[int, int], params: QParams | None, rows: Rows | None = None) -> int:
    if params is None:
        return 4 * math.prod(shape)
    if rows is not None:
        return nested_bytes(shape, params, rows)
    return shape[0] * word_count(shape[1], params.spec) * word_type(params.spec).itemsize
