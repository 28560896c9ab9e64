"""Vectors of integers as values of compiled code: what a kernel's registers hold.

LLVM keeps an array in memory, and so the sums of a loop; a value of a vector type it keeps in
registers, as many as the vector needs. These functions add such a type to what Numba compiles,
with the few operations that kernels need. They emit LLVM's generic vectors, which it turns into
the instructions of the machine it runs on: AVX2, AVX-512, NEON, or plain ones where there are none.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from numba.extending import models, register_model

from engine.integer.kernels.compile import intrinsic

ir: Any = import_module("llvmlite.ir")  # these carry no types
types: Any = import_module("numba.core.types")
cgutils: Any = import_module("numba.core.cgutils")

BYTE, INDEX, SIZE = ir.IntType(8), ir.IntType(32), ir.IntType(types.intp.bitwidth)


class Vector(types.Type):  # type: ignore[misc]
    """Unsigned or signed integers side by side.

    Args:
        lanes: Their number.
        bits: Bits of each.
    """

    def __init__(self, lanes: int, bits: int) -> None:
        self.lanes, self.bits = lanes, bits
        super().__init__(name=f"Vector({lanes}, {bits})")

    @property
    def value(self) -> Any:
        """The type of its values in LLVM."""
        return ir.VectorType(ir.IntType(self.bits), self.lanes)


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        super().__init__(manager, kind, kind.value)  # type: ignore[no-untyped-call]


@intrinsic
def zeros(_: Any, lanes: Any, bits: Any) -> Any:
    """Return a vector of zeros; both arguments are constants."""
    kind = Vector(lanes.literal_value, bits.literal_value)
    return kind(lanes, bits), lambda context, builder, signature, values: kind.value(None)


@intrinsic
def filled(_: Any, like: Any, number: Any) -> Any:
    """Return a vector of one number, cut to the lanes of another vector."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lane = like.value.element
        lane_value = values[1] if number.bitwidth == like.bits else builder.trunc(values[1], lane)
        return every(builder, lane_value, like.value)

    return like(like, number), emit


@intrinsic
def load(_: Any, like: Any, address: Any) -> Any:
    """Return a vector like another from memory, at any alignment."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.load(builder.inttoptr(values[1], like.value.as_pointer()), align=1)

    return like(like, types.uintp), emit


@intrinsic
def element(_: Any, like: Any, address: Any, index: Any) -> Any:
    """Return a number of an array at an address, of the type of another number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = builder.inttoptr(values[1], context.get_value_type(like).as_pointer())
        return builder.load(builder.gep(start, [values[2]]))

    return like(like, types.uintp, types.uintp), emit


@intrinsic
def put(_: Any, number: Any, address: Any, index: Any) -> Any:
    """Write a number to an array at an address."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = builder.inttoptr(values[1], values[0].type.as_pointer())
        builder.store(values[0], builder.gep(start, [values[2]]))
        return context.get_dummy_value()

    return types.void(number, types.uintp, types.uintp), emit


@intrinsic
def fields(_: Any, address: Any, count: Any) -> Any:
    """Return as many whole numbers from an address on; the count is a constant."""
    found = types.UniTuple(types.intp, count.literal_value)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = builder.inttoptr(values[0], SIZE.as_pointer())
        numbers = [builder.load(builder.gep(start, [SIZE(at)])) for at in range(found.count)]
        return context.make_tuple(builder, found, numbers)

    return found(types.uintp, count), emit


@intrinsic
def first(_: Any, x: Any, count: Any) -> Any:
    """Return a vector with 0 in all lanes but its first ones; a number from 0 on says how many."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        most = SIZE(x.lanes)  # which fits a lane
        count = builder.select(builder.icmp_signed("<", values[1], most), values[1], most)
        lane = builder.trunc(count, x.value.element) if x.bits < SIZE.width else count
        place = ir.Constant(x.value, list(range(x.lanes)))
        within = builder.icmp_unsigned("<", place, every(builder, lane, x.value))
        return builder.select(within, values[0], x.value(None))

    return x(x, types.intp), emit


@intrinsic
def unpack(_: Any, words: Any, like: Any) -> Any:
    """Return the codes of a vector of words, as many in a word as fit the lanes of another vector.

    All that lie lowest in their words come first, as packed rows have them.
    """
    places = like.lanes // words.lanes
    bits = words.bits // places

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        parts = []
        for place in range(places):
            part = builder.lshr(values[0], _constant(words, place * bits)) if place else values[0]
            if place < places - 1:
                part = builder.and_(part, _constant(words, (1 << bits) - 1))
            parts.append(part)
        return _widen(builder, joined(builder, parts), like)

    return like(words, like), emit


@intrinsic
def widen(_: Any, x: Any, like: Any) -> Any:
    """Return unsigned numbers in the wider lanes of another vector."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _widen(builder, values[0], like)

    return like(x, like), emit


@intrinsic
def field(_: Any, words: Any, shift: Any, mask: Any) -> Any:
    """Return ``words >> shift & mask``."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        lane, narrow = words.value.element, words.bits < SIZE.width
        numbers = [builder.trunc(number, lane) if narrow else number for number in values[1:]]
        shifts, masks = (every(builder, number, words.value) for number in numbers)
        return builder.and_(builder.lshr(values[0], shifts), masks)

    return words(words, shift, mask), emit


@intrinsic
def add(_: Any, x: Any, y: Any) -> Any:
    """Return ``x + y``, modulo what a lane holds."""
    return x(x, y), lambda context, builder, signature, values: builder.add(*values)


@intrinsic
def join(_: Any, x: Any, y: Any) -> Any:
    """Return ``x | y``."""
    return x(x, y), lambda context, builder, signature, values: builder.or_(*values)


@intrinsic
def meet(_: Any, x: Any, y: Any) -> Any:
    """Return ``x & y``."""
    return x(x, y), lambda context, builder, signature, values: builder.and_(*values)


@intrinsic
def multiply(_: Any, x: Any, number: Any, like: Any) -> Any:
    """Return unsigned numbers times a signed one, in the wider lanes of another vector."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        # Its width before it is widened tells LLVM which multiplication suffices.
        factor = every(builder, values[1], Vector(like.lanes, number.bitwidth).value)
        if number.bitwidth < like.bits:
            factor = builder.sext(factor, like.value)
        return builder.mul(_widen(builder, values[0], like), factor)

    return like(x, number, like), emit


@intrinsic
def larger(_: Any, x: Any, y: Any) -> Any:
    """Return the larger of unsigned numbers, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.icmp_unsigned(">", *values), *values)

    return x(x, y), emit


@intrinsic
def store(_: Any, x: Any, parts: Any, address: Any, stride: Any) -> Any:
    """Write a vector to memory in parts, which begin a stride of bytes apart; first part first.

    Args:
        x: The vector.
        parts: A vector with as many lanes as one part.
        address: Where the first part goes, at any alignment.
        stride: Bytes.
    """
    part = Vector(parts.lanes, x.bits)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        vector, _, address, stride = values
        for first in range(0, x.lanes, part.lanes):
            lanes = _indices(range(first, first + part.lanes))
            piece = builder.shuffle_vector(vector, vector, lanes)
            builder.store(piece, builder.inttoptr(address, part.value.as_pointer()), align=1)
            address = builder.add(address, stride)
        return context.get_dummy_value()

    return types.void(x, parts, types.uintp, types.uintp), emit


@intrinsic
def interleave(_: Any, x: Any) -> Any:
    """Return the first lane of a vector's first half, the first of its second half, and so on."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        half = x.lanes // 2
        lanes = _indices([index // 2 + index % 2 * half for index in range(x.lanes)])
        return builder.shuffle_vector(values[0], values[0], lanes)

    return x(x), emit


@intrinsic
def prefetch(_: Any, address: Any) -> Any:
    """Ask for the memory at an address, valid or not, ahead of its use."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), INDEX, INDEX, INDEX])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        read, everywhere, data = INDEX(0), INDEX(3), INDEX(1)
        builder.call(
            function, [builder.inttoptr(values[0], BYTE.as_pointer()), read, everywhere, data]
        )
        return context.get_dummy_value()

    return types.void(types.uintp), emit


@intrinsic
def keep(_: Any, x: Any, address: Any) -> Any:
    """Write a vector to memory, at any alignment."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = builder.inttoptr(values[1], x.value.as_pointer())
        builder.store(values[0], pointer, align=1)
        return context.get_dummy_value()

    return types.void(x, types.uintp), emit


@intrinsic
def call(_: Any, address: Any, arguments: Any) -> Any:
    """Call a compiled function of integers, which returns nothing, by its address.

    Args:
        address: The function's.
        arguments: A tuple of integers.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [SIZE] * arguments.count)
        function = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(
            function, [builder.extract_value(values[1], i) for i in range(arguments.count)]
        )
        return context.get_dummy_value()

    return types.void(types.uintp, types.UniTuple(types.intp, arguments.count)), emit


@intrinsic
def call_bare(_: Any, address: Any) -> Any:
    """Call a function without arguments by its address."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(builder.inttoptr(values[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return types.void(types.uintp), emit


@intrinsic
def add_atomically(_: Any, address: Any, number: Any) -> Any:
    """Add to the whole number at an address, which threads share; return what it was."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = builder.inttoptr(values[0], SIZE.as_pointer())
        return builder.atomic_rmw("add", place, values[1], "seq_cst")

    return types.intp(types.uintp, types.intp), emit


@intrinsic
def load_atomically(_: Any, address: Any) -> Any:
    """Return the whole number at an address, which threads share."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        place = builder.inttoptr(values[0], SIZE.as_pointer())
        return builder.load_atomic(place, "acquire", 8)

    return types.intp(types.uintp), emit


def joined(builder: Any, vectors: Sequence[Any]) -> Any:
    """Emit the lanes of vectors, of which there are a power of two, as those of one."""
    while len(vectors) > 1:
        both = _indices(range(2 * vectors[0].type.count))
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [builder.shuffle_vector(first, second, both) for first, second in pairs]
    return vectors[0]


def _constant(kind: Vector, number: int) -> Any:
    return ir.Constant(kind.value, [number] * kind.lanes)


def _indices(lanes: Sequence[int]) -> Any:
    return ir.Constant(ir.VectorType(INDEX, len(lanes)), list(lanes))


def every(builder: Any, number: Any, kind: Any) -> Any:
    """Emit a vector of one number in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, number, INDEX(0))
    zero = ir.Constant(ir.VectorType(INDEX, kind.count), None)
    return builder.shuffle_vector(first, undefined, zero)


def _widen(builder: Any, vector: Any, kind: Vector) -> Any:
    return vector if vector.type == kind.value else builder.zext(vector, kind.value)
