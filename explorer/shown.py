"""What charts and tables show: one analysed preview or run, and the float run beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.analysis import Analysis, Kind, Measure
from engine.graphs.graph import Graph
from engine.metrics.errors import absolute_distance
from engine.metrics.merit import Merit
from engine.runs import Run
from engine.spec import LayerSpec, RunSpec, float_twin

Origin = Literal["preview", "trained", "stored"]
MEANING: Mapping[Origin, str] = {
    "preview": "The float model re-quantized just now; press Start to train this recipe.",
    "trained": "This very recipe, trained in this session.",
    "stored": "This very recipe, trained before and loaded from the store.",
}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False, repr=False)
class Shown:
    """One answer to a recipe.

    Args:
        origin: Where it comes from.
        recipe: What it is the answer to.
        graph: The recipe's graph or set, all of it.
        analysis: What the program does to every node.
        run: The run; None for a preview.
        baseline: The float run to compare with: of the same graph and network and, if there is
            one, of the same training and seed. None if there is none at all.
    """

    origin: Origin
    recipe: RunSpec
    graph: Graph
    analysis: Analysis
    run: Run | None
    baseline: Run | None

    def __repr__(self) -> str:
        return f"Shown({self.origin}, {self.recipe.key[:12]})"

    @property
    def measured(self) -> Graph:
        """What the numbers are of: the graph, or a set's graphs for testing."""
        return self.analysis.study.graph

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Nodes of each measured graph, [G]."""
        starts = self.measured.starts
        return np.array([self.measured.nodes]) if starts is None else np.diff(starts)

    @property
    def layers(self) -> tuple[LayerSpec, ...]:
        """The shapes of the network's layers."""
        return self.analysis.study.reference.layers

    @property
    def last(self) -> int:
        """Index of the layer that gives the scores."""
        return len(self.layers) - 1

    @property
    def is_baseline_other(self) -> bool:
        """Whether the float run had another training or seed than the recipe."""
        return self.baseline is not None and self.baseline.spec != float_twin(self.recipe)

    @property
    def merit(self) -> Merit:
        """What the predictions are judged by."""
        return self.analysis.study.merit

    @property
    def metrics(self) -> dict[str, Any]:
        """The run's metrics; of a preview what can be known without training."""
        if self.run is not None:
            return self.run.metrics
        return {
            self.merit.name: self.analysis.result,
            "size": self.analysis.size,
            "float_stages": self.analysis.program.float_stages,
        }

    def simulated_error(
        self, layer: int, slot: str, kind: Kind, measure: Measure
    ) -> NDArray[np.floating[Any]] | None:
        """Return the error of the simulation as it was stored in training, [N]; None if it was not.

        Only total errors were stored, relative ones at every slot; class flips, or where targets
        are learned absolute errors, of the scores alone.
        """
        if self.run is None or kind != "total":
            return None
        arrays = self.run.arrays
        if measure in ("class_flip", "absolute_l2"):
            kept = "class" if measure == "class_flip" else "output"
            if (layer, slot) != (self.last, "output") or f"{kept}.simulated" not in arrays:
                return None
            simulated, exact = arrays[f"{kept}.simulated"], arrays[f"{kept}.float"]
            if kept == "class":
                return np.asarray(simulated != exact, dtype=np.float64)
            return absolute_distance(simulated - exact)
        name = f"error.simulated.{layer}.{slot}"
        if name not in arrays:
            return None
        relative = np.asarray(arrays[name], dtype=np.float64)
        if measure == "relative_l2":
            return relative
        with np.errstate(divide="ignore"):
            return np.asarray(-20 * np.log10(relative))
