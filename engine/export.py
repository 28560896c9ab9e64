"""The bridge between the wings: a learned network becomes a program, and the two are compared."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from engine.affine import Codes, QParams
from engine.graphs.degrees import rows_by_degree
from engine.integer import Program, SparseIntArray, Trace, program_of
from engine.integer.program import ENTRY
from engine.learning.batch import Batch
from engine.learning.features import SparseRows, dense
from engine.learning.network import Network, Slot
from engine.metrics.agreement import Agreement, agreement


def export(network: Network) -> Program:
    """Return the program of a network with the widths it learned.

    Args:
        network: Trained, or calibrated from outside.

    Raises:
        ValueError: If a quantizer never saw a batch.
    """
    return _program(network, network.qparams())


def reference(network: Network) -> Program:
    """Return the float32 program of a network's weights: what its quantization error is against."""
    return _program(network, {})


class Simulation:
    """A network's fake-quantized forward in evaluation mode, every slot kept.

    It is computed in float64: where the integers then differ, they do so by their own doing, and
    not because float32 sums depend on their order.

    Args:
        network: The network; its mode is left at evaluation.
        batch: The graph.
    """

    def __init__(self, network: Network, batch: Batch) -> None:
        network.eval()
        self._params = network.qparams()
        self._in_degree = batch.neighbourhoods.in_degree
        exact, wide = deepcopy(network).double(), batch.double()
        with torch.no_grad(), exact.recording() as seen:
            scores = exact(wide.x, wide.adjacencies)
        self._x = seen[ENTRY]
        self._seen: dict[Slot, NDArray[np.float64]] = {
            slot: dense(x_hat).cpu().numpy() for slot, x_hat in seen.items() if slot != ENTRY
        }
        held = self._x if isinstance(self._x, Tensor) else self._x.values
        self._seen[ENTRY] = held.cpu().numpy()
        self.scores: NDArray[np.float64] = scores.cpu().numpy()

    def real(self, slot: Slot) -> NDArray[np.float64] | csr_array:
        """Return a slot's ``x_hat``; sparse inputs stay sparse."""
        if slot == ENTRY and isinstance(self._x, SparseRows):
            columns, rowptr = self._x.columns.cpu().numpy(), self._x.rowptr.cpu().numpy()
            return csr_array((self._seen[slot], columns, rowptr), shape=self._x.shape)
        return self._seen[slot]

    def codes(self) -> dict[Slot, Codes]:
        """Return the codes of every slot that is not float."""
        return {
            slot: np.rint(self._seen[slot] / params.scale).astype(np.int32) + params.zero
            for slot, params in self._params.items()
            if params is not None
        }

    def _own(self, slot: Slot, codes: Codes | None) -> Codes:
        """Return codes of a grid as each row's own, less that of 0.0."""
        params = self._params[slot]
        assert params is not None
        assert codes is not None
        degree = self._in_degree
        if slot == ENTRY and isinstance(self._x, SparseRows):
            degree = degree[self._x.row.cpu().numpy()]
        own: Codes = np.asarray(codes - params.zero)
        rows = rows_by_degree(degree, [bucket.degree for bucket in params.spec.buckets])
        for nested, of_bucket in zip(params.nested, rows[1:], strict=True):
            own[of_bucket] = nested.places(own[of_bucket])
        return own

    def agreement(self, trace: Trace) -> Agreement:
        """Return how far a program's forward agrees with this one, code by code.

        Where widths depend on the in-degree, a row's codes are its bucket's own.
        """
        simulated = self.codes()
        integer = {slot: trace.codes(*slot) for slot in simulated}
        entry = trace.value(*ENTRY)
        if isinstance(entry, SparseIntArray) and isinstance(self._x, Tensor):
            integer[ENTRY] = entry.dense().codes()  # of dense features, but held without zeros
        for slot in simulated:
            params = self._params[slot]
            if params is not None and params.nested:
                held, found = simulated[slot], integer[slot]
                simulated[slot], integer[slot] = self._own(slot, held), self._own(slot, found)
        return agreement(simulated, integer, self.scores, trace.scores)  # type: ignore[arg-type]


def _program(network: Network, params: Mapping[Slot, QParams | None]) -> Program:
    constants = {
        (index, name): constant
        for index, layer in enumerate(network.layers)
        for name, constant in layer.constants().items()
    }
    return program_of([layer.spec for layer in network.layers], constants, params)
