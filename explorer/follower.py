"""Keeps what is shown in step with the recipe: asks for answers, and for what answers need."""

from __future__ import annotations

from engine.runs import RunStore
from engine.spec import GraphSpec, OwnModel, RunSpec, float_twin
from explorer.answers import Answer, Answers, NeedsFloat, NeedsGraph
from explorer.captions import duration, graph_title, model_title
from explorer.jobs import Job, Jobs
from explorer.pace import Pace
from explorer.pool.orders import Order
from explorer.state import WORKING, State


class Follower:
    """Answers each recipe: with its run, else a preview; has graphs and float models made for it.

    Args:
        state: Holds the recipe, and gets what is shown.
        store: The runs.
        jobs: The queue that fetches graphs and trains.
    """

    def __init__(self, state: State, store: RunStore, jobs: Jobs) -> None:
        self._state, self._jobs = state, jobs
        self._answers = Answers(store)
        self._pace: Pace[RunSpec, Answer] = Pace(self._answers.answer, self._deliver)
        self._need: Job | None = None
        self._declined: set[Order] = set()
        state.observe(self._ask, "recipe")
        jobs.listen(self._follow)
        self._ask()

    def close(self) -> None:
        """Follow no more."""
        self._state.unobserve(self._ask, "recipe")
        self._jobs.unlisten(self._follow)

    def settle(self) -> None:
        """Have the answer to the recipe delivered before this returns."""
        self._pace.settle(self._state.recipe)

    def _ask(self, _: object = None) -> None:
        recipe = self._state.recipe
        if self._need is not None and self._need.order not in (float_twin(recipe), recipe.graph):
            need, self._need = self._need, None
            self._jobs.cancel(need)
        self._state.status = WORKING
        self._pace.ask(recipe)

    def _deliver(self, recipe: RunSpec, answer: Answer | Exception) -> None:
        state = self._state
        if recipe is not state.recipe:
            return
        if isinstance(answer, Exception):
            state.status = _sentence(answer)
        elif isinstance(answer, NeedsGraph):
            self._require(answer.graph, f"Fetch the graph {answer.graph.name}")
        elif isinstance(answer, NeedsFloat):
            state.graph = answer.graph
            name = graph_title(recipe.graph)
            self._require(
                answer.recipe, f"Float model for the preview · {name} · {model_title(recipe)}"
            )
        else:
            self._need = None
            with state.hold_trait_notifications():
                state.graph, state.shown, state.status = answer.graph, answer, ""
        state.charted()

    def _require(self, order: RunSpec | GraphSpec, purpose: str) -> None:
        if order in self._declined:
            self._state.status = _missing(order, "")
            return
        self._need = self._jobs.submit(order, purpose, background=True)
        self._state.status = _waiting(self._need)

    def _follow(self, job: Job | None) -> None:
        if job is None:
            return
        if job.is_over:
            self._on_end(job)
        elif job is self._need:
            self._state.status = _waiting(job)

    def _on_end(self, job: Job) -> None:
        recipe = self._state.recipe
        needed = job is self._need
        if job.status == "finished":
            self._declined.discard(job.order)
            if isinstance(job.order, RunSpec):
                self._answers.trained(job.order.key)
            if not isinstance(job.order, GraphSpec):
                self._state.finished += 1
            if needed or job.order in (recipe, float_twin(recipe), recipe.graph):
                self._need = None
                self._ask()
        elif needed:
            self._need = None
            self._declined.add(job.order)
            self._state.status = _missing(job.order, job.note)


def _waiting(job: Job) -> str:
    """Return what a preview waits for, and how long."""
    if isinstance(job.order, GraphSpec):
        return f"The graph {job.order.name} is being fetched, once."
    left = "" if job.seconds_left is None else f", about {duration(job.seconds_left)} left"
    done = f"{job.before} before you" if job.before else "soon to begin"
    if job.epochs:
        done = f"epoch {job.epochs[-1]['epoch']} of {job.planned}{left}"
    if isinstance(job.order, RunSpec) and isinstance(job.order.model, OwnModel):
        return "A preview re-quantizes your model, which is being measured first."
    return f"A preview re-quantizes the float model, which is being trained first: {done}."


def _missing(order: Order, note: str) -> str:
    """Return what there is no preview for the want of, and what to do."""
    if isinstance(order, GraphSpec):
        return f"The graph {order.name} is not here. {note}".strip()
    return f"There is no float model to preview from. {note} Start trains this recipe.".replace(
        "  ", " "
    )


def _sentence(error: Exception) -> str:
    if isinstance(error, ValueError | OSError):
        return str(error)
    return f"This recipe could not be worked out: {type(error).__name__}: {error}"
