"""What a stage is: named slots in, one slot out; and what it becomes when bound to a graph."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.affine import QParams
from engine.integer.kernels.operands import CodeTarget, Factor, RealTarget, Target
from engine.integer.kernels.table import Kernels
from engine.integer.packing import IntArray, SparseIntArray, word_count, word_type, zero_offset
from engine.integer.proof import Proof
from engine.integer.stages.edges import Arrangement, Edges

if TYPE_CHECKING:
    from engine.graphs.neighbours import Neighbourhoods

Slot = tuple[int, str]
"""A layer and a name: the place where a tensor is held."""

Value: TypeAlias = IntArray | SparseIntArray | NDArray[np.float32] | csr_array
"""What a slot holds: codes or float32, dense or sparse."""

Values = Mapping[Slot, Value]


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
        run: Computes the target from the slots, with the kernels it is given.
    """

    stage: Stage
    shape: tuple[int, int]
    operations: int
    proof: Proof | None
    run: Callable[[Values, Kernels], Value]


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

    def ending(self, target: Slot, scale: Any, width: int) -> Ending:
        """Return where sums of a scale, () or [F'], end: in the target's codes or in float32.

        Raises:
            ValueError: If the factor is beyond float32.
        """
        params = self.params.get(target)
        if params is None:
            factor = np.asarray(scale, np.float64)
            kind: Any = np.float32
        else:
            factor = np.asarray(scale, np.float64) / params.scale.astype(np.float64)
            kind = np.float64
        if not (factor < np.finfo(np.float32).max).all():
            raise ValueError(
                f"stage {slot_name(target)} must multiply its sums by {factor.max():.3g}, "
                "more than float32 holds; its scales do not fit each other"
            )
        return Ending(params, np.ascontiguousarray(np.broadcast_to(factor, width), kind))


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """Where a stage's sums end.

    Args:
        params: Parameters of the target, None where it is held in float32.
        factor: What the sums are multiplied by, [F'].
    """

    params: QParams | None
    factor: Factor

    def open(self, rows: int) -> tuple[Target, Value]:
        """Return a target for a kernel to write, and the value it will then be, [rows, F']."""
        shape = (rows, self.factor.size)
        if self.params is None:
            real = np.empty(shape, np.float32)
            return RealTarget(real, self.factor), real
        return open_codes(shape, self.params, self.factor)


def open_codes(
    shape: tuple[int, int], params: QParams, factor: Factor
) -> tuple[CodeTarget, IntArray]:
    """Return a target for a kernel to write, and the array that it will then be."""
    spec = params.spec
    words = np.empty((shape[0], word_count(shape[1], spec)), word_type(spec))
    high = (1 << spec.bits) - 1
    target = CodeTarget(words, spec.storage_bits, zero_offset(params), high, factor)
    return target, IntArray(params, words, shape)


def hold(x: Any, params: QParams | None, kernels: Kernels) -> Value:
    """Return real numbers as a slot holds them: quantized, or in float32.

    Args:
        x: [N, F] or [N], real or sparse; float64 is quantized as it is.
        params: The slot's parameters; None for float32.
        kernels: What quantizes.
    """
    if isinstance(x, csr_array):
        if params is None:
            return x
        values = hold(x.data, params, kernels)
        assert isinstance(values, IntArray)
        rowptr = x.indptr.astype(np.int64, copy=False)
        return SparseIntArray(values, rowptr, x.indices.astype(np.int32, copy=False), x.shape)
    if params is None:
        return np.ascontiguousarray(x, np.float32)
    x = np.ascontiguousarray(x, np.float64 if x.dtype == np.float64 else np.float32)
    rows = np.atleast_2d(x)
    target, array = open_codes(rows.shape, params, params.scale.astype(np.float64).reshape(1))
    kernels.quantize(rows, target)
    return array if x.ndim == 2 else IntArray(params, array.words[0], x.shape)


def real(value: Value) -> Any:
    """Return the real numbers a slot holds, [N, F] or [N], float32 or sparse."""
    return value.real() if isinstance(value, IntArray | SparseIntArray) else value


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
    return value.toarray() if isinstance(value, csr_array) else value


def size_bytes(value: Value) -> int:
    """Return the bytes a slot takes."""
    if isinstance(value, csr_array):
        return int(value.data.nbytes + value.indices.nbytes + value.indptr.nbytes)
    return int(value.nbytes)
