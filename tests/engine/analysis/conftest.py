"""Float programs to be quantized and analysed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.graphs import Graph
from engine.integer import Program, program_of
from engine.spec import ModelSpec


@pytest.fixture(scope="session")
def float_program() -> Callable[[Graph, ModelSpec], Program]:
    """Return what makes a network with weights of a plausible size."""
    return _float_program


def _float_program(graph: Graph, model: ModelSpec) -> Program:
    """Return a network with weights of a plausible size."""
    rng = np.random.default_rng(0)
    layers = model.layer_specs(graph.features, graph.outputs)
    constants = {
        (layer, name): rng.normal(size=shape) / (shape[0] ** 0.25 if len(shape) > 1 else 4)
        for layer, spec in enumerate(layers)
        for name, shape in spec.constants.items()
    }
    return program_of(layers, constants, {})
