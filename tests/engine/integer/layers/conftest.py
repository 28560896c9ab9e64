"""Networks that end in a propagation, on random graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import issparse


@pytest.fixture(scope="session")
def scored() -> Callable[[Any], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return what gives a case's scores before its propagation, and its dense A_hat."""

    def score(drawn: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        neighbours = drawn.neighbourhoods.of(drawn.reference.layers[-1].operator)
        smooth = np.zeros((neighbours.nodes, neighbours.nodes))
        np.add.at(smooth, (neighbours.targets(), neighbours.source), 1)
        root = np.sqrt(smooth.sum(axis=1))
        h = drawn.x.toarray() if issparse(drawn.x) else drawn.x
        layers = [layer for layer in drawn.reference.layers if not layer.propagates]
        for at, layer in enumerate(layers):
            constants = drawn.reference.constants
            h = h @ constants[at, "weight"] + constants[at, "bias"]
            h = np.maximum(h, 0) if layer.activation == "relu" else h
        return h.astype(np.float64), smooth / root / root[:, None]

    return score
