"""What a server lets each visitor, and all of them together, ask for."""

from __future__ import annotations

from dataclasses import dataclass

from engine.search import SearchSpec
from engine.spec import GraphSpec, ModelSpec, OwnModel, SpecError
from engine.spec.errors import check_instance, check_integer, check_real
from explorer.pool.orders import Order

MOST_NODES = 50_000_000
MOST_S = 1e7


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Bounds of one server; the numbers are meant for strangers on a small machine.

    Args:
        graphs: Names of the graphs that may be asked for; None for every one there is.
        models: Names of people's own models that may be asked for; None for every one.
        nodes: Of the graph ``hubs`` where its size is chosen, as no other graph's can be.
        layers: Of a network, a propagation's steps not counted.
        hidden: Features of a hidden layer.
        steps: Of a propagation.
        epochs: Of one run.
        trainings: Of one search.
        run_s: Seconds that one run may take, and each training of a search.
        visitor_s: Seconds of training for one visitor, all runs together.
        visitor_runs: Runs of one visitor that wait or are going on.
        waiting: Runs of all visitors that wait.
        visitors: Visitors at a time, each of whom has a kernel.
        idle_s: Seconds without a word after which a visitor's kernel is ended.
        workers: Processes that train.
        kept: Visitors' runs that are kept; the oldest give way.

    Raises:
        SpecError: Naming the invalid field.
    """

    graphs: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    nodes: int = 20_000
    layers: int = 16
    hidden: int = 128
    steps: int = 32
    epochs: int = 500
    trainings: int = 12
    run_s: float = 120.0
    visitor_s: float = 900.0
    visitor_runs: int = 3
    waiting: int = 30
    visitors: int = 30
    idle_s: int = 1200
    workers: int = 1
    kept: int = 500

    def __post_init__(self) -> None:
        for field in ("graphs", "models"):
            if (names := getattr(self, field)) is not None:
                check_instance(field, names, tuple)
                for at, name in enumerate(names):
                    check_instance(f"{field}[{at}]", name, str)
        check_integer("nodes", self.nodes, 10, MOST_NODES)
        for field, most in (
            ("layers", 64),
            ("hidden", 4096),
            ("steps", 64),
            ("epochs", 100_000),
            ("trainings", 1_000_000),
        ):
            check_integer(field, getattr(self, field), 1, most)
        for field in ("run_s", "visitor_s"):
            check_real(field, getattr(self, field), 0, MOST_S, open_low=True)
        for field in (
            "visitor_runs",
            "waiting",
            "visitors",
            "idle_s",
            "workers",
            "kept",
            "trainings",
        ):
            check_integer(field, getattr(self, field), 1, 1_000_000)

    def check(self, order: Order) -> None:
        """Refuse an order that is not offered, or asks for more than there is.

        Raises:
            SpecError: Naming the field.
        """
        if isinstance(order, GraphSpec):
            self._check_graph(order)
        elif isinstance(order, SearchSpec):
            self._check_graph(order.space.graph)
            for model in order.space.models():
                self._check_model(model)
            _check_most("training.epochs", order.space.training.epochs, self.epochs)
            _check_most("budget.trainings", order.budget.trainings, self.trainings)
        else:
            self._check_graph(order.graph)
            if not isinstance(order.model, OwnModel):
                self._check_model(order.model)
            elif self.models is not None and order.model.name not in self.models:
                raise SpecError("model.name", order.model.name[:12], "a model that is offered here")
            _check_most("training.epochs", order.training.epochs, self.epochs)

    def seconds_of(self, order: Order) -> float:
        """Return how long an order may take."""
        trainings = order.budget.trainings if isinstance(order, SearchSpec) else 1
        return min(trainings * self.run_s, MOST_S)

    def _check_graph(self, graph: GraphSpec) -> None:
        if self.graphs is not None and graph.name not in self.graphs:
            raise SpecError("graph.name", graph.name, "one of " + ", ".join(self.graphs))
        _check_most("graph.nodes", graph.nodes or 0, self.nodes)

    def _check_model(self, model: ModelSpec) -> None:
        _check_most("model.layers", model.layers, self.layers)
        _check_most("model.hidden", model.hidden, self.hidden)
        _check_most("model.steps", model.propagated, self.steps)


def _check_most(field: str, got: float, most: int) -> None:
    if got > most:
        raise SpecError(field, got, f"at most {most:,} on this server")


OWN_MACHINE = Bounds(
    nodes=MOST_NODES,
    layers=64,
    hidden=4096,
    steps=64,
    epochs=100_000,
    trainings=1_000_000,
    run_s=MOST_S,
    visitor_s=MOST_S,
    visitor_runs=1_000_000,
    waiting=1_000_000,
    visitors=1_000_000,
    kept=1_000_000,
)
"""Whatever a recipe may ask for at all: the bounds of a person's own machine."""
