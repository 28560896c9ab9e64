"""Attention's softmax, in float64, the same on every machine.

Libraries' exponentials differ in their last bit, and sums of real numbers in their order. Here a
power of two is a polynomial, evaluated as it is written, and what an edge weighs is rounded to a
whole number: the sum of those is exact in any order, and so no hub and no thread changes a result.

An edge's scores lie side by side, head by head, and those of a target's edges one after the other,
so that a vector holds 8 heads of an edge or one head of 8 edges alike. Of a hub, as many edges as
lie near are scored at once, and again for each pass over them.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.integer.kernels.compile import inner, routine
from engine.integer.kernels.memory import aligned
from engine.integer.kernels.operands import Incoming, Packed, Target
from engine.integer.kernels.reals import (
    at_least,
    doubles,
    filled,
    greater,
    minus,
    nearest,
    numbers,
    plus,
    raised,
    times,
)
from engine.integer.kernels.told import told
from engine.integer.kernels.vectors import call, element, fields, keep, load, put
from engine.integer.kernels.work import Work, work

LANES = 8
"""Numbers of a vector."""

CHUNK = 256
"""Edges that are scored at once."""

ROWS = 4096
"""Nodes whose logits a part opens."""

SHARPEST = 40
"""Most bits of what the heaviest edge weighs."""

LOG2E = math.log2(math.e)

FAINTEST = -64.0
"""A power of two that weighs nothing."""

POWERS = tuple(math.log(2) ** n / math.factorial(n) for n in range(11, -1, -1))
"""Of the polynomial that is ``2^f`` for f from -1/2 to 1/2, to 6e-15; the highest power first."""

TERMS = len(POWERS)

u = np.uintp


def softmax(
    incoming: Incoming,
    logit: Packed | NDArray[np.float32],
    scale: NDArray[np.float64],
    slope: float,
    target: Target,
) -> tuple[Work, ...]:
    """Write each edge's share of its target: ``softmax_e leaky_relu(logit_e + logit_i)``.

    With ``y = (x - largest x) / ln 2`` for the sums x, an edge weighs ``w = rint(2^(y + bits))``,
    and its share is ``w (1 / sum w)``.

    Args:
        incoming: The edges.
        logit: Of nodes as sources, then as targets, [N, 2 heads].
        scale: Of its codes less the code of zero, or of its numbers, [2 heads].
        slope: Of the leaky ReLU below 0, from 0 to 1.
        target: [E, heads]; its factor is that of a share.
    """
    heads = scale.size // 2
    across = max(1 << (heads - 1).bit_length(), 1) if heads < LANES else -(-heads // LANES) * LANES
    nodes = (logit.words if isinstance(logit, Packed) else logit).shape[0]
    opened = aligned(2 * nodes * across * 4).view(np.float32)
    targets = opened[nodes * across :]
    opening = told(*_opening(logit), heads, across, nodes, opened, targets)
    scales = np.zeros((2, across))
    scales[:, :heads] = scale.reshape(2, heads)
    constants = np.array([slope, LOG2E, FAINTEST, weight_bits(incoming), *POWERS])
    end = target.opened()
    operands = (
        *(incoming.rowptr, incoming.source, incoming.parts, opened, targets, scales[0], scales[1]),
        *(across, constants, end.address, end.told),
    )
    span = max(across, LANES)
    scratch_bytes = 8 * (4 * span + CHUNK * across + 2 * span)
    return (
        Work(_open(isinstance(logit, Packed)), opening, -(-nodes // ROWS), 0),
        work(_sharing(), len(incoming.parts), scratch_bytes, *operands),
    )


def weight_bits(incoming: Incoming) -> int:
    """Return the bits of what the heaviest edge weighs, so that float64 holds every sum exactly."""
    degree = int(np.diff(incoming.rowptr).max(initial=1))
    return min(SHARPEST, 52 - degree.bit_length())


def _opening(logit: Packed | NDArray[np.float32]) -> tuple[Any, ...]:
    """Return where logits are and how: words and bytes of each, columns of a row; bits and zero."""
    if isinstance(logit, Packed):
        words, bits, zero, *_ = logit
        return words, words.itemsize, words.shape[1], bits, zero
    return np.ascontiguousarray(logit), 4, logit.shape[1], 0, 0


@cache
def _open(packed: bool) -> int:
    """Return what writes the logits of nodes as sources, and as targets, as float32."""
    number = np.float32(0)

    def open_rows(of: int, part: int, scratch: int) -> None:
        words, size, count, bits, zero, heads, across, nodes, sources, targets = fields(u(of), 10)
        for row in range(part * ROWS, min((part + 1) * ROWS, nodes)):
            for column in range(2 * heads):
                if packed:
                    place = column // count
                    index = u(row * count + column - place * count)
                    if size == 1:
                        word = np.int64(element(np.uint8(0), u(words), index))
                    else:
                        word = np.int64(element(np.uint16(0), u(words), index))
                    logit = np.float32(((word >> (place * bits)) & ((1 << bits) - 1)) - zero)
                else:
                    logit = element(number, u(words), u(row * count + column))
                if column < heads:
                    put(logit, u(sources), u(row * across + column))
                else:
                    put(logit, u(targets), u(row * across + column - heads))
            for column in range(heads, across):
                put(number, u(sources), u(row * across + column))
                put(number, u(targets), u(row * across + column))

    return routine(open_rows)


@cache
def _sharing() -> int:
    """Return what shares out some targets among their edges."""
    number = np.float64(0)

    def share_part(of: int, part: int, scratch: int) -> None:
        held = fields(u(of), 11)
        rowptr, source, parts, sources, targets, scale, own_scale = held[:7]
        across, constants, ending, target = held[7:]
        span = max(across, LANES)
        own, top = scratch, scratch + 8 * span
        sums, unread = top + 8 * span, top + 16 * span
        scores = unread + 8 * span
        scored = source, sources, scale, across, own, constants, scores
        first, last = fields(u(parts + 32 * part), 2)
        for row in range(first, last):
            begin, end = fields(u(rowptr + 8 * row), 2)
            far = end - begin > CHUNK
            for head in range(across):
                logit = np.float64(element(np.float32(0), u(targets), u(row * across + head)))
                put(logit * element(number, u(own_scale), u(head)), u(own), u(head))
            for head in range(span):
                put(number - np.inf, u(top), u(head))
                put(number, u(sums), u(head))
            for edge in range(begin, end, CHUNK):
                rows = _score(scored, edge, min(edge + CHUNK, end))
                _climb(rows, span, scores, top)
            _fold(top, across, span, True)
            for edge in range(begin, end, CHUNK):
                if far:
                    _score(scored, edge, min(edge + CHUNK, end))
                rows = -(-(min(edge + CHUNK, end) - edge) * across // span)
                _weigh(rows, span, scores, top, constants, sums)
            _fold(sums, across, span, False)
            for edge in range(begin, end, CHUNK):
                stop = min(edge + CHUNK, end)
                rows = -(-(stop - edge) * across // span)
                if far:
                    _score(scored, edge, stop)
                    _weigh(rows, span, scores, top, constants, unread)
                _divide(rows, span, scores, sums)
                call(ending, (scores, 1, 8 * across, target, edge, stop - edge))

    return routine(share_part)


@inner
def _score(scored: Any, first: int, last: int) -> int:
    """Write the sums of some edges' logits behind the leaky ReLU; return the rows they fill."""
    source, sources, scale, across, own, constants, scores = scored
    slope = element(np.float64(0), u(constants), u(0))
    place = 0
    for edge in range(first, last):
        node = np.int64(element(np.int32(0), u(source), u(edge)))
        if across < LANES:
            for head in range(across):
                logit = np.float64(element(np.float32(0), u(sources), u(node * across + head)))
                x = logit * element(np.float64(0), u(scale), u(head))
                x += element(np.float64(0), u(own), u(head))
                put(max(x, slope * x), u(scores), u(place + head))
        else:
            for head in range(0, across, LANES):
                from_ = u(sources + 4 * (node * across + head))
                logits = numbers(doubles(LANES), np.float32(0), from_)
                sums = times(logits, load(logits, u(scale + 8 * head)))
                sums = plus(sums, load(logits, u(own + 8 * head)))
                sums = greater(sums, times(sums, filled(sums, slope)))
                keep(sums, u(scores + 8 * (place + head)))
        place += across
    span = max(across, LANES)
    rows: int = -(-place // span)
    for index in range(place, rows * span):
        put(np.float64(-np.inf), u(scores), u(index))
    return rows


@inner
def _climb(rows: int, span: int, scores: int, top: int) -> None:
    """Let each place's largest be that of these scores too."""
    for head in range(0, span, LANES):
        largest = load(doubles(LANES), u(top + 8 * head))
        for row in range(rows):
            x = load(doubles(LANES), u(scores + 8 * (row * span + head)))
            largest = greater(largest, x)
        keep(largest, u(top + 8 * head))


@inner
def _weigh(rows: int, span: int, scores: int, top: int, constants: int, sums: int) -> None:
    """Write what edges weigh for their scores, and add it to each place's sum."""
    number = np.float64(0)
    log2e = filled(doubles(LANES), element(number, u(constants), u(1)))
    faintest = element(number, u(constants), u(2))
    bits = filled(doubles(LANES), element(number, u(constants), u(3)))
    for head in range(0, span, LANES):
        largest = load(doubles(LANES), u(top + 8 * head))
        total = load(doubles(LANES), u(sums + 8 * head))
        for row in range(rows):
            at = u(scores + 8 * (row * span + head))
            y = at_least(times(minus(load(largest, at), largest), log2e), faintest)
            whole = nearest(y)
            rest = minus(y, whole)
            power = filled(y, element(number, u(constants), u(4)))
            for term in range(1, TERMS):
                held = filled(y, element(number, u(constants), u(4 + term)))
                power = plus(times(power, rest), held)
            weight = nearest(raised(power, plus(whole, bits)))
            keep(weight, at)
            total = plus(total, weight)
        keep(total, u(sums + 8 * head))


@inner
def _divide(rows: int, span: int, scores: int, shares: int) -> None:
    """Multiply what edges weigh by each place's share of one."""
    for head in range(0, span, LANES):
        share = load(doubles(LANES), u(shares + 8 * head))
        for row in range(rows):
            at = u(scores + 8 * (row * span + head))
            keep(times(load(share, at), share), at)


@inner
def _fold(places: int, across: int, span: int, largest: bool) -> None:
    """Let all places of a head hold their largest, or one over their sum."""
    number = np.float64(0)
    for head in range(across):
        held = element(number, u(places), u(head))
        for other in range(head + across, span, across):
            more = element(number, u(places), u(other))
            held = max(held, more) if largest else held + more
        for other in range(head, span, across):
            put(held if largest else 1 / held, u(places), u(other))
