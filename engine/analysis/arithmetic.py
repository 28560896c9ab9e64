"""One number of one node's aggregation, from its messages' codes to the code that leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.affine import QParams
from engine.analysis.study import Analysis
from engine.integer import IntArray, Slot
from engine.integer.fixed_point import fixed_point
from engine.integer.proof import Proof, reach
from engine.integer.stages.aggregate import Aggregate
from engine.integer.stages.attention import Attend
from engine.integer.stages.gather import Gather
from engine.integer.stages.propagate import Propagate, away, row_sums
from engine.integer.stages.stage import Scope, Stage, Step, dense
from engine.nesting import Nested
from engine.spec.errors import check_choice, check_integer

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """What a node gathers.

    Args:
        slot: The slot of what is sent.
        source: Who sends each, [n].
        code: What each sends, a code, [n].
        zero: The code of 0.0.
        weight: What each is multiplied by: its edge's code less the code of 0.0; 1 without, [n].
        exact: What each adds in the float forward, [n].
    """

    slot: Slot
    source: Integers
    code: Integers
    zero: int
    weight: Integers
    exact: NDArray[np.float64]

    @property
    def product(self) -> Integers:
        """What each adds to the sum, [n]."""
        return self.weight * (self.code - self.zero)


@dataclass(frozen=True, slots=True)
class Own:
    """What a node adds of its own, beside what it gathers.

    Args:
        slot: The slot it is held in.
        code: Its code.
        zero: The code of 0.0.
        multiplier: What the code is multiplied by.
        exact: What it adds in the float forward.
    """

    slot: Slot
    code: int
    zero: int
    multiplier: int
    exact: float

    @property
    def product(self) -> int:
        """What it adds to the accumulator."""
        return self.multiplier * (self.code - self.zero)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Arithmetic:
    """How one number comes about.

        accumulator = multiplier sum_j weight_j (code_j - zero) + what the node adds of its own
        code        = clamp(round_half_even(accumulator / count norm factor) + zero)

    Args:
        target: The slot that is filled.
        node: The node.
        channel: The column.
        how: ``sum``, ``mean``, or ``max``, where the accumulator is the largest of the products.
        messages: What is gathered.
        multiplier: What the sum is multiplied by: the node's norm, its own factor, or 1.
        own: What the node adds.
        count: What the accumulator is divided by: a mean's messages; 1 without.
        norm: What the real sum is multiplied by where the norm is in float; 1.0 without.
        factor: The requantization's multiplier; where the target is in float, the sum's scale.
        bound: No sum of this node can be larger.
        accumulator_bits: Bits of the accumulator's magnitude.
        params: The target's parameters; None where it is held in float32.
        nested: The codes of the node's in-degree, where widths depend on it and it has narrower
            ones: the code is then the nearest of them.
        value: The number that leaves, real.
        exact: What the float forward has in its place.
    """

    target: Slot
    node: int
    channel: int
    how: str
    messages: Messages
    multiplier: int
    own: tuple[Own, ...]
    count: int
    norm: float
    factor: float
    bound: float
    accumulator_bits: int
    params: QParams | None
    nested: Nested | None
    value: float
    exact: float

    @property
    def sum(self) -> int:
        """What is gathered, in codes."""
        product = self.messages.product
        if self.how == "max":
            return int(product.max()) if product.size else 0
        return int(product.sum())

    @property
    def accumulator(self) -> int:
        """The integer that is requantized."""
        return self.multiplier * self.sum + sum(own.product for own in self.own)

    @property
    def scaled(self) -> float:
        """The accumulator in steps of the target; in real numbers where it is in float."""
        if self.norm != 1.0:  # rounded to float32 on the way, as the norm is
            real = np.float32(self.norm) * (np.float32(self.accumulator) * np.float32(self.factor))
            step = 1.0 if self.params is None else float(self.params.scale)
            return float(np.float64(real) / step)
        return self.accumulator / self.count * self.factor

    @property
    def rounded(self) -> int:
        """The nearest integer, of two as near the even one."""
        return int(np.rint(self.scaled))

    @property
    def real_per_unit(self) -> float:
        """What 1 of the accumulator stands for."""
        step = 1.0 if self.params is None or self.norm != 1.0 else float(self.params.scale)
        return self.norm * self.factor * step / self.count

    @property
    def code(self) -> int | None:
        """The code that leaves, on the grid; None where the target is in float."""
        if self.params is None:
            return None
        zero = int(self.params.zero)
        if self.nested is None:
            return self._steps + zero
        return self.nested.multiple * int(self.nested.places(np.array(self._steps))) + zero

    @property
    def is_clamped(self) -> bool:
        """Whether the range cuts the number off, that of the grid or that of the in-degree."""
        if self.params is None:
            return False
        if self.nested is None or self._steps != self.rounded:
            return self._steps != self.rounded
        nearest = int(np.rint(self._steps / self.nested.multiple))
        return not -self.nested.below <= nearest <= self.nested.above

    @property
    def _steps(self) -> int:
        """The code of the grid, less that of 0.0."""
        assert self.params is not None
        under, over = self.params.room
        return min(max(self.rounded, -under), over)


def aggregations(analysis: Analysis, layer: int) -> tuple[str, ...]:
    """Return the slots of a layer that are gathered from neighbours and summed in integers."""
    return tuple(
        step.target[1]
        for step in analysis.plan.steps
        if step.target[0] == layer and _told(step.stage) is not None and step.proof is not None
    )


def arithmetic(analysis: Analysis, slot: Slot, node: int, channel: int) -> Arithmetic:
    """Return how one number of a slot came about in the integer program, exactly.

    Args:
        analysis: What the program does.
        slot: One that `aggregations` names.
        node: The node.
        channel: The column.

    Raises:
        SpecError: Naming the argument that is not one of these.
    """
    layer, name = slot
    check_integer("layer", layer, 0, analysis.study.layers - 1)
    check_choice("slot", name, aggregations(analysis, layer))
    plan = analysis.plan
    rows, columns = plan.shapes[slot]
    check_integer("node", node, 0, rows - 1)
    check_integer("channel", channel, 0, columns - 1)
    step = next(step for step in plan.steps if step.target == slot)
    tell = _told(step.stage)
    assert tell is not None
    return tell(_Place(analysis, _scope(analysis), step, node, channel), step.stage)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A number of a bound stage's target, and what it may look up.

    Args:
        analysis: What the program does.
        scope: What its stages are bound with.
        step: The bound stage.
        node: The row.
        channel: The column.
    """

    analysis: Analysis
    scope: Scope
    step: Step
    node: int
    channel: int

    def edges(self, over: Any) -> tuple[slice, Integers, int]:
        """Return the places of the node's edges, who sends along them, and their count."""
        edges = self.scope.edges(over)
        held = slice(int(edges.rowptr[self.node]), int(edges.rowptr[self.node + 1]))
        return held, edges.source[held].astype(np.int64), held.stop - held.start

    def held(self, slot: Slot, rows: Any, columns: Any) -> tuple[Any, int, Any]:
        """Return codes, the code of zero, and the float forward's numbers, of a slot's entries."""
        value = dense(self.analysis.trace.value(*slot))
        assert isinstance(value, IntArray)
        exact = dense(self.analysis.study.trace.value(*slot))
        codes = value.codes().astype(np.int64)
        zero = int(value.params.zero.flat[0])
        return codes[rows, columns], zero, np.asarray(exact, np.float64)[rows, columns]

    def told(self, messages: Messages, **parts: Any) -> Arithmetic:
        """Return the arithmetic with what every stage has."""
        slot, node, channel = self.step.target, self.node, self.channel
        proof, ending = self.step.proof, (self.step.on_grid or self.step).ending
        params = self.analysis.program.params_of(slot)
        assert isinstance(proof, Proof)
        bound = proof.bound if proof.node_bound is None else proof.node_bound[node]
        usual: dict[str, Any] = {"how": "sum", "multiplier": 1, "own": (), "count": 1, "norm": 1.0}
        if ending is not None:
            usual["factor"] = float(ending.factor[channel])
        return Arithmetic(
            target=slot,
            node=node,
            channel=channel,
            messages=messages,
            bound=float(bound),
            accumulator_bits=proof.accumulator_bits,
            params=params,
            nested=None if params is None else self._nested(params),
            value=float(self.analysis.trace.real(*slot)[node, channel]),
            exact=float(self.analysis.study.trace.real(*slot)[node, channel]),
            **(usual | parts),
        )

    def _nested(self, params: QParams) -> Nested | None:
        """Return the codes of the node's in-degree, None for those of the grid."""
        degree = int(self.analysis.study.graph.in_degree[self.node])
        bucket = sum(bucket.degree <= degree for bucket in params.spec.buckets)
        return params.nested[bucket - 1] if bucket else None


def _scope(analysis: Analysis) -> Scope:
    plan, program = analysis.plan, analysis.program
    constants = plan.constants
    params = dict(program.params)
    params |= {slot: c.params for slot, c in constants.items() if isinstance(c, IntArray)}
    return Scope(analysis.study.neighbourhoods, params, constants, dict(plan.shapes), {})


def _told(stage: Stage) -> Callable[[_Place, Any], Arithmetic] | None:
    """Return what tells how a stage's numbers come about; None for one that gathers nothing."""
    if isinstance(stage, Propagate) and stage.gathered is None:
        return None
    tellers: dict[type[Stage], Callable[[_Place, Any], Arithmetic]] = {
        Aggregate: _aggregate,
        Gather: _gather,
        Attend: _attend,
        Propagate: _propagate,
    }
    return tellers.get(type(stage))


def _aggregate(place: _Place, stage: Aggregate) -> Arithmetic:
    node, scope = place.node, place.scope
    held, source, count = place.edges("gcn")
    code, zero, sent = place.held(stage.source, source, place.channel)
    weight, scale = np.ones(count, np.int64), float(scope.scale(stage.source))
    of_edges = scope.constants.get(stage.weight)
    if isinstance(of_edges, IntArray):
        weight = (of_edges.codes().astype(np.int64) - of_edges.params.zero)[held]
        scale *= float(of_edges.params.scale)
    neighbours = scope.neighbourhoods.of("gcn")
    assert neighbours.coefficient is not None
    exact = float(neighbours.coefficient[node]) * sent
    if neighbours.weight is not None:
        exact = exact * neighbours.weight[held]
    messages = Messages(stage.source, source, code, zero, weight, exact)
    norm = scope.constants[stage.norm]
    if isinstance(norm, IntArray):
        return place.told(messages, multiplier=int(norm.codes()[node] - norm.params.zero))
    return place.told(messages, norm=float(np.asarray(norm)[node]), factor=scale)


def _gather(place: _Place, stage: Gather) -> Arithmetic:
    node, scope = place.node, place.scope
    _, source, count = place.edges(stage.over)
    code, zero, sent = place.held(stage.source, source, place.channel)
    exact = sent / max(count, 1) if stage.how == "mean" else sent
    messages = Messages(stage.source, source, code, zero, np.ones(count, np.int64), exact)
    if not stage.own:
        divisor = max(count, 1) if stage.how == "mean" else 1
        return place.told(messages, how=stage.how, count=divisor)
    params = scope.params[stage.source]
    scale, largest = float(params.scale), reach(params)
    target = place.step.target
    unit = float(scope.scale(target)) if scope.integer(target) else scale
    most = int(scope.edges(stage.over).degree.max(initial=0))
    point = fixed_point((scale, stage.own * scale), (most * largest, largest), (), unit)
    each, own = map(int, point.multipliers)
    code, zero, sent = place.held(stage.source, node, place.channel)
    kept = Own(stage.source, int(code), zero, own, stage.own * float(sent))
    return place.told(messages, multiplier=each, own=(kept,))


def _attend(place: _Place, stage: Attend) -> Arithmetic:
    held, source, count = place.edges("gat")
    wide = place.scope.shapes[stage.source][1] // stage.heads
    head, column = divmod(place.channel, wide) if stage.concat else (None, place.channel)
    heads = np.arange(stage.heads) if head is None else np.array([head])
    edge = np.repeat(np.arange(held.start, held.stop), heads.size)
    which, source = np.tile(heads, count), np.repeat(source, heads.size)
    code, zero, sent = place.held(stage.source, source, which * wide + column)
    weight, weight_zero, share = place.held(stage.coefficient, edge, which)
    exact = share * sent / (1 if stage.concat else stage.heads)
    return place.told(Messages(stage.source, source, code, zero, weight - weight_zero, exact))


def _propagate(place: _Place, stage: Propagate) -> Arithmetic:
    node, scope = place.node, place.scope
    assert stage.gathered is not None
    _, source, count = place.edges(stage.over)
    degree = scope.edges(stage.over).degree
    parts = (stage.gathered, *stage.parts)
    trained = 0.0
    if stage.multiplier is not None:
        trained = float(np.asarray(scope.constants[stage.multiplier])[0])
    weights = [part.weight(degree, trained) for part in parts]
    nudge = away(scope, stage.target)
    scales = [
        nudge * weight * float(scope.scale(part.slot))
        for weight, part in zip(weights, parts, strict=True)
    ]
    reaches: list[Any] = [reach(scope.params[part.slot]) for part in parts]
    reaches[0] = degree * reaches[0]
    factors = [int(factor[node]) for factor in row_sums(stage.target, scales, reaches).factors]
    code, zero, sent = place.held(stage.gathered.slot, source, place.channel)
    exact = float(weights[0][node]) * sent
    messages = Messages(stage.gathered.slot, source, code, zero, np.ones(count, np.int64), exact)
    own = []
    for part, weight, factor in zip(stage.parts, weights[1:], factors[1:], strict=True):
        code, zero, sent = place.held(part.slot, node, place.channel)
        own.append(Own(part.slot, int(code), zero, factor, float(weight[node]) * float(sent)))
    return place.told(messages, multiplier=factors[0], own=tuple(own))
