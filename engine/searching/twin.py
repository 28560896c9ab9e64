"""The float model that a search of widths looks at: trained once, and what it is judged on."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.analysis import REFERENCE, Study
from engine.events import Cancelled, EpochDone, Finished
from engine.experiment import run
from engine.graphs import calibration_part, subset
from engine.integer import read
from engine.learning.datasets import fetch
from engine.runs import Run
from engine.searching.asking import Looking, Request, SearchCancelled
from engine.spec import RunSpec


def trained(twin: RunSpec, request: Request) -> Generator[Looking, Sequence[Any], Run]:
    """Train the float model, or find it in the store.

    Raises:
        SearchCancelled: If ``cancelled()`` was true.
        ValueError: If it diverged.
    """
    ending: Any = None
    for ending in run(twin, request.store, request.cancelled):
        if isinstance(ending, EpochDone):
            yield Looking(what="float model", done=ending.epoch / twin.training.epochs)
    if isinstance(ending, Cancelled):
        raise SearchCancelled
    if not isinstance(ending, Finished):
        raise ValueError(f"the float model has no result: {ending.note}")
    return ending.run


def judged(trained: Run, request: Request) -> tuple[Study, NDArray[np.bool_]]:
    """Return the float model on what has the validation units, and which they are."""
    graph = fetch(trained.spec.graph, request.store.folder)
    part = subset(graph, graph.val) if graph.is_set else graph
    with trained.open(REFERENCE) as file:
        study = Study(part, read(file), calibration_part(graph))
    return study, part.val
