"""Slots whose rows have the width of their in-degree: narrowed when filled, widened when read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from engine.affine import QParams
from engine.graphs.degrees import rows_by_degree
from engine.integer.kernels.table import NUMBA, Kernels
from engine.integer.nested import NestedArray, Rows
from engine.integer.packing import IntArray, pack
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.stage import Slot, Step, Value, Values

if TYPE_CHECKING:
    from engine.graphs.neighbours import Neighbourhoods

Buckets = Mapping[Slot, Rows]
"""The rows of each bucket, of every slot that has buckets."""


def buckets_of(params: Mapping[Slot, QParams], neighbourhoods: Neighbourhoods) -> Buckets:
    """Return the rows of each bucket of the slots that have some.

    Args:
        params: Parameters by slot.
        neighbourhoods: The graph, whose in-degrees count before self-loops are added.
    """
    thresholds = {
        slot: tuple(bucket.degree for bucket in held.spec.buckets)
        for slot, held in params.items()
        if held.nested
    }
    rows = {
        degrees: rows_by_degree(neighbourhoods.in_degree, degrees)
        for degrees in set(thresholds.values())
    }
    return {slot: rows[degrees] for slot, degrees in thresholds.items()}


def narrowed(value: Value, rows: Rows, kernels: Kernels = NUMBA) -> Value:
    """Return what a slot holds in each row's own codes.

    Args:
        value: Codes of the grid, [N, F].
        rows: The rows of each bucket.
        kernels: What recodes them.
    """
    if isinstance(value, IntArray):
        return NestedArray.narrow(value, rows, kernels)
    assert isinstance(value, SparseIntArray)
    row = np.repeat(np.arange(value.shape[0]), np.diff(value.places.rowptr))
    bucket = np.empty(value.shape[0], np.int64)
    for index, of_bucket in enumerate(rows):
        bucket[of_bucket] = index
    entries = [np.flatnonzero(bucket[row] == index) for index in range(len(rows))]
    codes, params = value.codes(), value.params
    stored = IntArray(params, pack(codes, params.spec), codes.shape)
    return replace(value, values=NestedArray.narrow(stored, entries, kernels))


def widened(value: Value, kernels: Kernels = NUMBA) -> Value:
    """Return the same numbers in codes of the grid that all rows share."""
    if isinstance(value, NestedArray):
        return value.widened(kernels)
    if isinstance(value, SparseIntArray) and isinstance(value.values, NestedArray):
        params, blocks = value.params, value.places.blocks
        codes = np.full(blocks, params.zero, np.int32)
        codes.flat[: value.places.stored] = value.values.widened(kernels).codes()
        return replace(value, values=IntArray(params, pack(codes, params.spec), blocks))
    return value


def by_degree(step: Step, buckets: Buckets) -> Step:
    """Return a step that reads and fills slots in their rows' own codes.

    It does what it did on the grid, in memory of its own: what it reads is widened before, and what
    it fills is narrowed after.

    Args:
        step: The step.
        buckets: Of the slots that have some.
    """
    target = buckets.get(step.target)
    if target is None and not any(slot in buckets for slot in step.sources):
        return step

    def compute(values: Values, kernels: Kernels) -> Value:
        read = {slot: widened(values[slot], kernels) for slot in step.sources if slot in values}
        value = step.run(read, kernels)
        return value if target is None else narrowed(value, target, kernels)

    return replace(step, compute=compute, on_grid=step, ending=None, link=None, sparsely=None)
