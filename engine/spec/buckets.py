"""Widths by in-degree, wherever rows are nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.spec.errors import SpecError
from engine.spec.layer import of_nodes
from engine.spec.quantization import Bucket, Component, QuantSpec
from engine.spec.run import RunSpec

NARROWEST = 2
FOURFOLD = 4
"""How many times the in-degree halves the usual width."""


def usual_buckets(bits: int) -> tuple[Bucket, ...]:
    """Return widths that halve with each fourfold in-degree: 8 bits below 4, 4 below 16, then 2.

    Args:
        bits: Width of nodes of an in-degree below 4.

    Source:
        The public code of Feng et al., SGQuant, ICTAI 2020, has ``32 / sqrt(degree)`` bits, rounded
        up to a power of two.
    """
    buckets, degree = [], FOURFOLD
    while bits > NARROWEST:
        bits = max(-(-bits // 2), NARROWEST)
        buckets.append(Bucket(degree=degree, bits=bits))
        degree *= FOURFOLD
    return tuple(buckets)


def with_buckets(spec: RunSpec, buckets: Sequence[Bucket]) -> RunSpec:
    """Return a run whose components of rows of nodes have widths by in-degree, none wider than now.

    What is in float32, of 1 bit, ternary or truncated stays as it is.

    Args:
        spec: The run.
        buckets: The widths; none takes those away that there are.
    """
    quant = []
    for held, components in zip(spec.quant, of_nodes(spec.model.layer_specs(1, 1)), strict=True):

        def change(
            component: Component, old: QuantSpec, components: Sequence[Component] = components
        ) -> QuantSpec:
            if component not in components or not old.nests:
                return replace(old, buckets=())
            narrower = [replace(bucket, bits=min(bucket.bits, old.bits)) for bucket in buckets]
            return replace(old, buckets=merged(old.bits, narrower))

        quant.append(held.map(change))
    return replace(spec, quant=tuple(quant))


def by_degree(make: Callable[[int], QuantSpec], bits: int, buckets: Sequence[Bucket]) -> QuantSpec:
    """Return the spec of any widths by in-degree, on a grid of the widest.

    Args:
        make: Returns the spec of one width for all.
        bits: Width of nodes of an in-degree below the first bucket's.
        buckets: The others.
    """
    if not buckets:
        return make(bits)
    widest = max(bits, *(bucket.bits for bucket in buckets))
    own = [] if buckets[0].degree == 0 else [Bucket(degree=0, bits=bits)]
    return replace(make(widest), buckets=merged(widest, [*own, *buckets]))


def merged(bits: int, buckets: Sequence[Bucket]) -> tuple[Bucket, ...]:
    """Return buckets without those that are as wide as the nodes below them."""
    kept: list[Bucket] = []
    for bucket in buckets:
        if bucket.bits != (kept[-1].bits if kept else bits):
            kept.append(bucket)
    return tuple(kept)


def parse_buckets(text: str) -> tuple[Bucket, ...]:
    """Return the buckets that ``DEGREE:BITS, …`` says, such as ``4:4, 16:2``; none of no text.

    Raises:
        SpecError: If it says something else.
    """
    buckets = []
    for part in filter(None, text.replace(",", " ").split()):
        degree, _, bits = part.partition(":")
        if not (degree.isascii() and degree.isdecimal() and bits.isascii() and bits.isdecimal()):
            raise SpecError("buckets", part, "DEGREE:BITS separated by commas, such as 4:4, 16:2")
        buckets.append(Bucket(degree=int(degree), bits=int(bits)))
    return tuple(buckets)


def format_buckets(buckets: Sequence[Bucket]) -> str:
    """Return buckets as `parse_buckets` reads them."""
    return ", ".join(f"{bucket.degree}:{bucket.bits}" for bucket in buckets)
