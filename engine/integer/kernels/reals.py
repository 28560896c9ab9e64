"""Vectors of real numbers as values of compiled code, beside those of integers in `vectors`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba.extending import models, register_model

from engine.integer.kernels.compile import intrinsic
from engine.integer.kernels.vectors import Vector, cgutils, every, ir, joined, types

FLOAT, DOUBLE, WORD = ir.FloatType(), ir.DoubleType(), ir.IntType(32)
NUMBERS = {types.int32: WORD, types.float32: FLOAT, types.float64: DOUBLE}


class Reals(types.Type):  # type: ignore[misc]
    """Numbers of float32 or float64 side by side.

    Args:
        lanes: How many.
        lane: The type of each.
    """

    def __init__(self, lanes: int, lane: Any = types.float32) -> None:
        self.lanes, self.lane = lanes, lane
        super().__init__(name=f"Reals({lanes}, {lane})")

    @property
    def value(self) -> Any:
        """The type of its values in LLVM."""
        return ir.VectorType(NUMBERS[self.lane], self.lanes)


@register_model(Reals)
class _RealsModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Reals) -> None:
        super().__init__(manager, kind, kind.value)  # type: ignore[no-untyped-call]


@intrinsic
def reals(_: Any, lanes: Any) -> Any:
    """Return a vector of zeros of float32; its size is a constant."""
    kind = Reals(lanes.literal_value)
    return kind(lanes), lambda context, builder, signature, values: kind.value(None)


@intrinsic
def doubles(_: Any, lanes: Any) -> Any:
    """Return a vector of zeros of float64; its size is a constant."""
    kind = Reals(lanes.literal_value, types.float64)
    return kind(lanes), lambda context, builder, signature, values: kind.value(None)


@intrinsic
def real(_: Any, address: Any, index: Any) -> Any:
    """Return a float32 of an array at an address."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = builder.inttoptr(values[0], FLOAT.as_pointer())
        return builder.load(builder.gep(start, [values[1]]))

    return types.float32(types.uintp, types.intp), emit


@intrinsic
def numbers(_: Any, like: Reals, number: Any, address: Any) -> Any:
    """Return as many numbers as another vector has, of the type of a number, from memory."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        loaded = _load(builder, number, values[2], like.lanes)
        if number == like.lane:
            return loaded
        if number == types.float64:
            return builder.fptrunc(loaded, like.value)
        widen = builder.fpext if number == types.float32 else builder.sitofp
        return widen(loaded, like.value)

    return like(like, number, types.uintp), emit


@intrinsic
def side_by_side(_: Any, like: Reals, part: Reals, address: Any, stride: Any) -> Any:
    """Return numbers of several rows of int32, as many of each as a part has, row by row.

    Args:
        like: A vector of as many as of all rows.
        part: A vector of as many as of one; both counts are powers of two.
        address: Where the first row's are.
        stride: Bytes from a row to the next.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = _places(builder, values, like.lanes // part.lanes)
        rows = [_load(builder, types.int32, place, part.lanes) for place in places]
        return builder.sitofp(joined(builder, rows), like.value)

    return like(like, part, types.uintp, types.uintp), emit


@intrinsic
def of_rows(_: Any, like: Reals, part: Reals, address: Any, stride: Any) -> Any:
    """Return a float32 of each of several rows, each as often as a part has lanes.

    Args:
        like: A vector of as many as of all rows.
        part: A vector of as many as of one; both counts are powers of two.
        address: Where the first row's is.
        stride: Bytes from a row's to the next.
    """
    kind = ir.VectorType(FLOAT, part.lanes)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        places = _places(builder, values, like.lanes // part.lanes)
        pointers = [builder.inttoptr(place, FLOAT.as_pointer()) for place in places]
        return joined(builder, [every(builder, builder.load(at), kind) for at in pointers])

    return like(like, part, types.uintp, types.uintp), emit


@intrinsic
def rescaled(_: Any, like: Reals, number: Any, address: Any, factor: Any) -> Any:
    """Return numbers times factors, in float64 until the products are rounded to integers.

    Args:
        like: A vector of as many lanes.
        number: A number of the type of those in memory.
        address: Where those are.
        factor: Where the factors are, of float64.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x = _load(builder, number, values[2], like.lanes)
        if number != types.float64:
            x = builder.sitofp(x, ir.VectorType(DOUBLE, like.lanes))
        product = builder.fmul(x, _load(builder, types.float64, values[3], like.lanes))
        return builder.fptrunc(_rounded(builder, product), like.value)

    return like(like, number, types.uintp, types.uintp), emit


@intrinsic
def quotients(_: Any, like: Reals, number: Any, address: Any, divisor: Any) -> Any:
    """Return numbers over one for all, in float64 until the quotients are rounded to integers.

    Args:
        like: A vector of as many lanes.
        number: A number of the type of those in memory.
        address: Where those are.
        divisor: A float64.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        exact = ir.VectorType(DOUBLE, like.lanes)
        x = _load(builder, number, values[2], like.lanes)
        if number != types.float64:
            x = builder.fpext(x, exact)
        quotient = builder.fdiv(x, every(builder, values[3], exact))
        return builder.fptrunc(_rounded(builder, quotient), like.value)

    return like(like, number, types.uintp, types.float64), emit


@intrinsic
def exactly(_: Any, x: Reals, gain: Any, offset: Any) -> Any:
    """Return ``x gain + offset``, in float64 until that is rounded to float32.

    Args:
        x: Whole numbers.
        gain: Where the gains are, of float64.
        offset: Where the offsets are, of float64.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        exact = builder.fpext(values[0], ir.VectorType(DOUBLE, x.lanes))
        held = (_load(builder, types.float64, place, x.lanes) for place in values[1:])
        gain, offset = held
        return builder.fptrunc(builder.fadd(builder.fmul(exact, gain), offset), x.value)

    return x(x, types.uintp, types.uintp), emit


@intrinsic
def filled(_: Any, like: Reals, number: Any) -> Any:
    """Return a vector of one number."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return every(builder, values[1], like.value)

    return like(like, like.lane), emit


@intrinsic
def plus(_: Any, x: Reals, y: Reals) -> Any:
    """Return ``x + y``."""
    return x(x, y), lambda context, builder, signature, values: builder.fadd(*values)


@intrinsic
def times(_: Any, x: Reals, y: Reals) -> Any:
    """Return ``x y``."""
    return x(x, y), lambda context, builder, signature, values: builder.fmul(*values)


@intrinsic
def minus(_: Any, x: Reals, y: Reals) -> Any:
    """Return ``x - y``."""
    return x(x, y), lambda context, builder, signature, values: builder.fsub(*values)


@intrinsic
def greater(_: Any, x: Reals, y: Reals) -> Any:
    """Return the larger of both, lane by lane."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values), *values)

    return x(x, y), emit


@intrinsic
def raised(_: Any, x: Reals, power: Reals) -> Any:
    """Return ``x 2^power``, in float64.

    Args:
        x: Such that neither it nor the result is 0 or too small for all bits.
        power: Whole numbers.
    """

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        whole = ir.VectorType(ir.IntType(64), x.lanes)
        # Behind 1.5 2^52 a float64 has the bits of a small whole number, negative ones too.
        magic = ir.Constant(x.value, [1.5 * 2.0**52] * x.lanes)
        power = builder.bitcast(builder.fadd(values[1], magic), whole)
        exponent = builder.shl(power, ir.Constant(whole, [52] * x.lanes))
        return builder.bitcast(builder.add(builder.bitcast(values[0], whole), exponent), x.value)

    return x(x, power), emit


@intrinsic
def at_least(_: Any, x: Reals, least: Any) -> Any:
    """Return the larger of each number and one for all."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        least = every(builder, values[1], x.value)
        return builder.select(builder.fcmp_ordered(">", values[0], least), values[0], least)

    return x(x, x.lane), emit


@intrinsic
def at_most(_: Any, x: Reals, most: Any) -> Any:
    """Return the smaller of each number and one for all."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        most = every(builder, values[1], x.value)
        return builder.select(builder.fcmp_ordered("<", values[0], most), values[0], most)

    return x(x, x.lane), emit


@intrinsic
def nearest(_: Any, x: Reals) -> Any:
    """Return the nearest integers, of two the even one."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return _rounded(builder, values[0])

    return x(x), emit


@intrinsic
def placed(_: Any, x: Reals, zero: Any, shift: Any, words: Vector) -> Any:
    """Return words with ``rint(x) + zero`` at a place where they were 0.

    Args:
        x: Codes less the code of zero, before they are rounded.
        zero: The code of zero.
        shift: The lowest bit of the place.
        words: As many.
    """
    # twice the bits of a word hold its codes less the code of zero; of them the lower half counts
    signed = ir.VectorType(ir.IntType(2 * words.bits), x.lanes)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        def in_words(number: Any) -> Any:
            return every(builder, builder.trunc(number, words.value.element), words.value)

        codes = builder.fptosi(_rounded(builder, values[0]), signed)
        codes = builder.add(builder.trunc(codes, words.value), in_words(values[1]))
        return builder.or_(values[3], builder.shl(codes, in_words(values[2])))

    return words(x, types.intp, types.intp, words), emit


def _load(builder: Any, number: Any, address: Any, lanes: int) -> Any:
    kind = ir.VectorType(NUMBERS[number], lanes)
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _places(builder: Any, values: Any, count: int) -> Iterator[Any]:
    """Yield the addresses of so many rows; the last two values are the first's and the stride."""
    *_, address, stride = values
    for _ in range(count):
        yield address
        address = builder.add(address, stride)


def _rounded(builder: Any, x: Any) -> Any:
    number = "f32" if x.type.element == FLOAT else "f64"
    kind = ir.FunctionType(x.type, [x.type])
    name = f"llvm.rint.v{x.type.count}{number}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [x])
