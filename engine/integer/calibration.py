"""Post-training quantization: parameters from what a float program's slots held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from engine import affine
from engine.affine import SMALLEST_SCALE, QParams
from engine.graphs.degrees import Degrees, rows_by_degree
from engine.integer.program import Program
from engine.integer.stages.stage import Slot
from engine.integer.trace import Trace
from engine.spec import Component, LayerQuant, LearnedRange, LearnedStep, Percentile, QuantSpec

Entries = Literal["all", "non-zero"]
"""What a mean is over."""


class Calibrator:
    """Quantizes a float program again and again, keeping the statistics it has once taken.

    Args:
        reference: A program without quantized slots.
        trace: Its slots on the graph to calibrate on.
        in_degree: The graph's in-degrees before self-loops are added, [N]; None will do where no
            width depends on them.
    """

    def __init__(self, reference: Program, trace: Trace, in_degree: Degrees | None = None) -> None:
        self._reference = reference
        self._trace = trace
        self._in_degree = in_degree
        self._statistics: dict[tuple[Slot, bool, float | Entries], NDArray[np.float32]] = {}

    def program(self, quant: Sequence[LayerQuant]) -> Program:
        """Return the program quantized as asked; with nothing to quantize, the reference itself.

        Raises:
            ValueError: If there is not one `LayerQuant` for each layer.
        """
        layers = self._reference.layers
        if len(quant) != len(layers):
            raise ValueError(f"quantization of {len(quant)} layers, wanted {len(layers)}")
        params: dict[Slot, QParams] = {}
        for index, (layer, of_layer) in enumerate(zip(layers, quant, strict=True)):
            for name in layer.slots:
                spec = layer.quant_of(name, of_layer)
                if not spec.is_float:
                    params[index, name] = self.params((index, name), spec)
        return self._reference.quantize(params) if params else self._reference

    def params(self, slot: Slot, spec: QuantSpec) -> QParams:
        """Return the parameters that a spec's range rule finds for a slot, and for its buckets.

        Percentiles are of the non-zero entries. Rules that run over batches see one batch, so they
        take its minimum and maximum, or its mean magnitude, where they follow that. A learned step
        is ``2 mean|x| / sqrt(qmax)``, of a whole tensor's non-zero entries, a learned range that of
        the least mean error, where training would start them.

        Source:
            Esser et al., Learned Step Size Quantization, ICLR 2020, for the step.
        """
        if spec.buckets:
            plain = replace(spec, buckets=())
            reaches = [self._reach(slot, plain, rows, bits) for rows, bits in self._rows_of(spec)]
            return affine.with_buckets(self.params(slot, plain), spec, reaches)
        by_channel = spec.granularity == "channel"
        if spec.by_magnitude and spec.observes is not None:
            if spec.stride > 1:  # of all entries, those not stored included
                mean = self._statistic(slot, by_channel, "all")
            else:
                mean = affine.magnitude(_entries(self._trace.real(*slot)), spec)
            params = affine.qparams(-mean, mean, spec)
        elif isinstance(spec.range, LearnedStep):
            mean = self._statistic(slot, by_channel, "all" if by_channel else "non-zero")
            step = 2 * mean / np.sqrt(np.float32(spec.qmax))
            scale = np.maximum(step, SMALLEST_SCALE).astype(np.float32)
            params = QParams(spec, np.asarray(scale), np.zeros(scale.shape, np.int32))
        else:
            tail = spec.observes.tail if isinstance(spec.observes, Percentile) else 0.0
            low, high = self._statistic(slot, by_channel, tail)
            params = affine.qparams(low, high, spec)
        entries = _entries(self._trace.real(*slot))
        if spec.truncation == "skewed":
            params = replace(params, shift=round(affine.lean(entries)))
        return affine.fitted(entries, params) if isinstance(spec.range, LearnedRange) else params

    def _rows_of(self, spec: QuantSpec) -> list[tuple[NDArray[np.int64], int]]:
        """Return the rows of each bucket, and its width.

        Raises:
            ValueError: If in-degrees were not given.
        """
        if self._in_degree is None:
            raise ValueError("widths by in-degree, but no in-degrees to calibrate with")
        rows = rows_by_degree(self._in_degree, [bucket.degree for bucket in spec.buckets])
        return list(zip(rows[1:], (bucket.bits for bucket in spec.buckets), strict=True))

    def _reach(
        self, slot: Slot, spec: QuantSpec, rows: NDArray[np.int64], bits: int
    ) -> tuple[float, float] | None:
        """Return how far some rows' range goes below and above 0; None without rows."""
        if not rows.size:
            return None
        x, narrow = self._trace.real(*slot)[rows], replace(spec, bits=bits)
        if isinstance(spec.range, LearnedStep):
            step = 2 * float(_mean_magnitude(x, "non-zero")) / narrow.qmax**0.5
            return -narrow.qmin * step, narrow.qmax * step
        tail = spec.observes.tail if isinstance(spec.observes, Percentile) else 0.0
        low, high = map(float, _ends(x, tail))
        share = 1.0
        if isinstance(spec.range, LearnedRange):
            whole = affine.qparams(low, high, narrow)
            share = float(affine.fitted(_entries(x), whole).scale / whole.scale)
        return share * max(-low, 0.0), share * max(high, 0.0)

    def _statistic(self, slot: Slot, by_channel: bool, of: float | Entries) -> NDArray[np.float32]:
        """Return the ends of the range under a tail, [2] or [2, F'], or the mean magnitude."""
        key = (slot, by_channel, of)
        if key not in self._statistics:
            x = self._trace.real(*slot)
            parts = list(x.T) if by_channel else [x]
            found = [
                _mean_magnitude(part, of) if isinstance(of, str) else _ends(part, of)
                for part in parts
            ]
            self._statistics[key] = np.stack(found, axis=-1) if by_channel else found[0]
        return self._statistics[key]


def mixed(reference: Program, program: Program, keep: Callable[[int, Component], bool]) -> Program:
    """Return a program with some slots as the quantized one has them and the others in float32.

    Args:
        reference: The float program of the same network.
        program: The quantized program.
        keep: Whether ``(layer, component)`` stays quantized, in all its slots; edge weights go with
            the norm.
    """

    def kept(slot: Slot) -> bool:
        layer, name = slot
        slots = program.layers[layer].slots
        return name in slots and keep(layer, slots[name])

    constants = {
        slot: (program if kept(slot) else reference).constants[slot] for slot in program.constants
    }
    params = {slot: held for slot, held in program.params.items() if kept(slot)}
    return replace(program, constants=constants, params=params)


def _entries(x: Any) -> NDArray[np.float32]:
    """Return the entries that are stored."""
    entries: NDArray[np.float32] = x.data if issparse(x) else x
    return entries


def _ends(x: Any, tail: float) -> NDArray[np.float32]:
    """Return the two ends of a tensor's range; 0, which every range contains, may lie outside."""
    entries = _entries(x)
    if tail > 0:
        return np.array(affine.percentiles(entries, tail))
    return np.array([entries.min(initial=0), entries.max(initial=0)], np.float32)


def _mean_magnitude(x: Any, of: Entries) -> NDArray[np.float32]:
    """Return the mean of |x| over all entries, those not stored included, or the non-zero ones."""
    entries = _entries(x)
    count = np.prod(x.shape) if of == "all" else np.count_nonzero(entries)
    return np.asarray(np.abs(entries).sum(dtype=np.float64) / max(count, 1), np.float32)
