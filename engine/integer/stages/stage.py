"""What a stage is: named slots in, one slot out; and what it becomes when bound to a graph."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.affine import QParams, quantize, truncated
from engine.integer.kernels.memory import aligned
from engine.integer.kernels.operands import (
    NO_LINKS,
    Chain,
    CodeTarget,
    Factor,
    Places,
    RealTarget,
    Target,
)
from engine.integer.kernels.table import Kernels
from engine.integer.nested import NestedArray
from engine.integer.packing import IntArray, stored_zero, word_count, word_type
from engine.integer.proof import Proof
from engine.integer.rounding import Near, near_sums
from engine.integer.sparse import SparseIntArray, alike
from engine.integer.stages.edges import Arrangement, Edges
from engine.integer.stages.link import WIDEST, Link, Reading, ends, truncation

if TYPE_CHECKING:
    from engine.graphs.neighbours import Neighbourhoods

Slot = tuple[int, str]
"""A layer and a name: the place where a tensor is held."""

Value: TypeAlias = IntArray | NestedArray | SparseIntArray | NDArray[np.float32] | csr_array
"""What a slot holds: codes or float32, dense or sparse."""

Values = Mapping[Slot, Value]

Buffer = NDArray[np.uint8]
"""Bytes to be filled, aligned as any number wants."""


def slot_name(slot: Slot) -> str:
    """Return ``layer.name``."""
    return f"{slot[0]}.{slot[1]}"


@dataclass(frozen=True, slots=True)
class Stage(ABC):
    """One computation of a program.

    Args:
        target: The slot it fills.
    """

    integer: ClassVar[bool] = True
    """Whether it computes in integers wherever its slots are held in codes."""

    target: Slot

    @property
    @abstractmethod
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads."""

    @abstractmethod
    def bind(self, scope: Scope) -> Step:
        """Return the stage with all that depends on parameters and graph worked out.

        Raises:
            AccumulatorOverflow: If no accumulator is wide enough.
        """


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A bound stage.

    Args:
        stage: The stage.
        shape: Rows and features of its target.
        operations: Multiply-adds of a run.
        proof: The bound on its sums; None where it computes in float32.
        compute: Computes the target from the slots, with the kernels it is given, and where the
            step has one, with its ending.
        ending: Where the sums of a step end that does nothing but call kernels.
        link: What the step is where the sums of another go on through it; None if they cannot.
        through: Stages that the sums go on through, fused to this one.
        sparsely: Returns the same step on a source that stores only some places; None if there is
            none, or if it would take longer. None where there never is one.
        places: The entries that its target stores; None for all of them.
        on_grid: The same step as it is where all rows have codes of the grid, if widths that depend
            on the in-degree made this one of it.
    """

    stage: Stage
    shape: tuple[int, int]
    operations: int
    proof: Proof | None
    compute: Callable[..., Value]
    ending: Ending | None = None
    link: Link | None = None
    through: tuple[Stage, ...] = ()
    sparsely: Callable[[Places], Step | None] | None = None
    places: Places | None = None
    on_grid: Step | None = None

    @property
    def target(self) -> Slot:
        """The slot it fills."""
        return (self.through or (self.stage,))[-1].target

    @property
    def sources(self) -> tuple[Slot, ...]:
        """The slots it reads; what a fused stage reads beside them is a constant, in its link."""
        return self.stage.sources

    def run(self, values: Values, kernels: Kernels, buffer: Buffer | None = None) -> Value:
        """Return the target's value.

        Args:
            values: What the slots that the stage reads hold.
            kernels: The compiled ones or their twins.
            buffer: Where the sums of a step with an ending end, as many bytes as the target takes;
                None for a new array.
        """
        ending = () if self.ending is None else (replace(self.ending, buffer=buffer),)
        value: Value = self.compute(values, kernels, *ending)
        return value

    def then(self, step: Step) -> Step | None:
        """Return this step with one that follows fused to it, None if it cannot be.

        Args:
            step: A step that alone reads what this one fills.
        """
        if self.ending is None or step.link is None or not self.ending.takes(step.link):
            return None
        return replace(
            self,
            operations=self.operations + step.operations,
            ending=self.ending.then(step.link),
            through=(*self.through, step.stage),
        )


@dataclass(frozen=True, eq=False)
class Scope:
    """What a stage may look up when it is bound.

    Args:
        neighbourhoods: The graph.
        params: Parameters of the slots held in codes.
        constants: Slots that no stage fills: what was learned, node and edge coefficients.
        shapes: Rows and features of the slots filled so far.
        stored: Entries stored by the slots that are sparse.
        arrangements: The edges looked up so far.
    """

    neighbourhoods: Neighbourhoods
    params: Mapping[Slot, QParams]
    constants: Values
    shapes: dict[Slot, tuple[int, int]]
    stored: Mapping[Slot, int]
    arrangements: dict[Arrangement, Edges] = field(default_factory=dict)

    def edges(self, over: Arrangement) -> Edges:
        """Return the edges to gather over.

        Raises:
            SpecError: If the graph has edge weights and the operator takes none.
        """
        if over not in self.arrangements:
            if over == "pool":
                pools = self.neighbourhoods.pools.astype(np.int64)
                edges = Edges(pools, np.arange(pools[-1], dtype=np.int32))
            else:
                neighbours = self.neighbourhoods.of(over)
                edges = Edges(neighbours.rowptr, neighbours.source)
            self.arrangements[over] = edges
        return self.arrangements[over]

    def entries(self, slot: Slot) -> int:
        """Return the entries that a filled slot stores."""
        return self.stored.get(slot, math.prod(self.shapes[slot]))

    def integer(self, *slots: Slot) -> bool:
        """Return whether all slots are held in codes."""
        return all(slot in self.params for slot in slots)

    def scale(self, slot: Slot) -> NDArray[np.float64]:
        """Return the scale of a slot held in codes, () or [F']."""
        return self.params[slot].scale.astype(np.float64)

    def ending(self, target: Slot, scale: Any, width: int, bound: int | None = None) -> Ending:
        """Return where sums of a scale, () or [F'], end: in the target's codes or in float32.

        Args:
            target: The slot.
            scale: Of the sums, () or [F'].
            width: F'.
            bound: No sum is larger in magnitude; None for sums that are no integers.

        Raises:
            ValueError: If the factor is beyond float32.
        """
        params = self.params.get(target)
        if params is None:
            factor = np.asarray(scale, np.float64)
            kind: Any = np.float32
        elif params.is_sign:  # rounded to 0 or 1, whatever its scale
            factor, kind = np.sign(np.asarray(scale, np.float64)), np.float64
        else:
            factor = np.asarray(scale, np.float64) / params.first.scale.astype(np.float64)
            kind = np.float64
        if not (factor < np.finfo(np.float32).max).all():
            raise ValueError(
                f"stage {slot_name(target)} must multiply its sums by {factor.max():.3g}, "
                "more than float32 holds; its scales do not fit each other"
            )
        row = np.ascontiguousarray(np.broadcast_to(factor, width), kind)
        if params is None:
            return Ending(params, row)
        first = params.first
        near = None
        if bound is not None and first.spec.bits <= WIDEST:
            near = near_sums(row, *ends(first), bound)
        ending = Ending(first, row, near)
        return ending.then(truncation(params, width)) if params.truncates else ending


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """Where a stage's sums end.

    Args:
        params: Parameters of the target, None where it is held in float32.
        factor: What the sums are multiplied by, [F'].
        near: A gain and an offset in float32 that do the same, [2, F'], or None.
        chain: The links that follow.
        reading: The real numbers that the codes then become; None where codes are stored.
        buffer: Where the array lies that is opened; None for a new one each time.
    """

    params: QParams | None
    factor: Factor
    near: Near | None = None
    chain: Chain = NO_LINKS
    reading: Reading | None = None
    buffer: Buffer | None = None

    def takes(self, link: Link) -> bool:
        """Return whether a link can follow: one of codes, and one by row before all others."""
        few = self.params is not None and self.params.spec.bits <= WIDEST
        return (
            few and self.reading is None and not (link.chain.rows.size and self.chain.limits.size)
        )

    def then(self, link: Link) -> Ending:
        """Return the ending with one link more."""
        assert self.params is not None
        if link.reading is not None:
            return replace(self, reading=link.reading)
        before, after = self.chain, link.chain
        if not before.limits.size:
            first = np.array([[-np.inf, *ends(self.params)]], np.float32)
            before = before._replace(limits=first)
        columns = [c.columns for c in (before, after) if c.columns.size]
        chain = Chain(
            limits=np.concatenate([before.limits, after.limits]),
            rows=before.rows if before.rows.size else after.rows,
            columns=np.concatenate(columns) if columns else NO_LINKS.columns,
        )
        return Ending(link.params, self.factor, self.near, chain)

    def open(self, rows: int) -> tuple[Target, Value]:
        """Return a target for a kernel to write, and the value it will then be, [rows, F']."""
        shape = (rows, self.factor.size)
        if self.params is None:
            real = _room(shape, np.dtype(np.float32), self.buffer)
            return RealTarget(real, self.factor), real
        if self.reading is not None:
            real = _room(shape, np.dtype(np.float32), self.buffer)
            codes, _ = open_codes((0, shape[1]), self.params, self.factor)
            exact, factor = self.reading.exact, self.reading.factor
            return RealTarget(real, factor, self._chained(codes), exact), real
        target, array = open_codes(shape, self.params, self.factor, self.buffer)
        return self._chained(target), array

    def _chained(self, target: CodeTarget) -> CodeTarget:
        if self.near is not None:
            target = target._replace(near=self.near)
        limits, links, columns = self.chain
        return target._replace(limits=limits, rows=links, columns=columns)


def open_codes(
    shape: tuple[int, int], params: QParams, factor: Factor, buffer: Buffer | None = None
) -> tuple[CodeTarget, IntArray]:
    """Return a target for a kernel to write, and the array that it will then be."""
    spec = params.spec
    words: Any = _room((shape[0], word_count(shape[1], spec)), word_type(spec), buffer)
    target = CodeTarget(words, spec.storage_bits, stored_zero(params), spec.last, factor)
    return target, IntArray(params, words, shape)


def _room(shape: tuple[int, int], kind: np.dtype[Any], buffer: Buffer | None) -> NDArray[Any]:
    """Return an array that is not filled yet, a new one or at the beginning of a buffer."""
    size_bytes = math.prod(shape) * kind.itemsize
    buffer = aligned(size_bytes) if buffer is None else buffer
    return buffer[:size_bytes].view(kind).reshape(shape)


def hold(x: Any, params: QParams | None, kernels: Kernels) -> Value:
    """Return real numbers as a slot holds them: quantized, or in float32.

    Args:
        x: [N, F] or [N], real or sparse; float64 is quantized as it is.
        params: The slot's parameters; None for float32.
        kernels: What quantizes.
    """
    if isinstance(x, csr_array) and params is not None and not params.has_zero:
        x = x.toarray()
    if isinstance(x, csr_array):
        if params is None:
            return x
        rowptr, column = (x.indptr.astype(np.int64), x.indices.astype(np.int32))
        places = Places(rowptr, column, x.shape[1], alike(x))
        stored = np.zeros(places.blocks, x.dtype)
        stored.flat[: places.stored] = x.data
        values = hold(stored, params, kernels)
        assert isinstance(values, IntArray)
        return SparseIntArray(values, places)
    if params is None:
        return np.ascontiguousarray(x, np.float32)
    x = np.asarray(x) > 0 if params.is_sign else truncated(x, params)
    x = np.ascontiguousarray(x, np.float64 if x.dtype == np.float64 else np.float32)
    rows = np.atleast_2d(x)
    step = np.ones(1) if params.is_sign else params.scale.astype(np.float64).reshape(1)
    target, array = open_codes(rows.shape, params, step)
    kernels.quantize(rows, target)
    return array if x.ndim == 2 else IntArray(params, array.words[0], x.shape)


def keeps_zero(params: QParams) -> bool:
    """Return whether 0.0 stays exactly that, so that places without an entry need none."""
    return params.has_zero and bool((quantize(np.zeros(1), params) == params.zero).all())


def real(value: Value) -> Any:
    """Return the real numbers a slot holds, [N, F] or [N], float32 or sparse."""
    return value.real() if isinstance(value, IntArray | NestedArray | SparseIntArray) else value


def real_rows(value: Value, rows: NDArray[np.integer[Any]]) -> Any:
    """Return the real numbers of some rows of a slot, [R, F], float32 or sparse.

    Of packed codes only these rows are unpacked.
    """
    if isinstance(value, IntArray):
        held = IntArray(value.params, value.words[rows], (len(rows), *value.shape[1:]))
        return held.real()
    return real(value)[rows]


def exact(value: Value) -> NDArray[np.float64]:
    """Return the real numbers a dense slot holds without rounding them to float32, [N, F]."""
    if isinstance(value, IntArray):
        scale = value.params.scale.astype(np.float64)
        return np.asarray((value.codes() - value.params.zero) * scale)
    return np.asarray(value, np.float64)


def dense(value: Value) -> IntArray | NDArray[np.float32]:
    """Return what a slot holds with every entry stored."""
    if isinstance(value, SparseIntArray):
        return value.dense()
    if isinstance(value, NestedArray):
        return value.widened()
    return value.toarray() if isinstance(value, csr_array) else value


def size_bytes(value: Value) -> int:
    """Return the bytes a slot takes."""
    if isinstance(value, csr_array):
        return int(value.data.nbytes + value.indices.nbytes + value.indptr.nbytes)
    return int(value.nbytes)
