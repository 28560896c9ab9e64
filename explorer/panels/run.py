"""The run: how it is trained, start and cancel, its progress, and the queue behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any, get_args

import ipywidgets as widgets

from engine.search import SearchSpec
from engine.spec import Mode, RunSpec, float_twin
from explorer.captions import duration, job_title, told
from explorer.edits import with_training
from explorer.fields import bind, choice, close, html, integer, real, row
from explorer.jobs import Job, Jobs
from explorer.state import State

MODE_TITLES = {
    "float": "Float",
    "ptq": "Quantize float model",
    "finetune": "Finetune",
    "retrain": "Retrain",
}
SHOWN_OVER = 1
"""Finished jobs that stay listed."""
ANSWERED = (
    "This very recipe is trained already: it is what you see. Another seed makes another run."
)


class RunPanel(widgets.VBox):
    """Training settings, Start and Cancel, and the queue.

    Args:
        state: Holds the recipe.
        jobs: The queue.
        started: Called with the job that Start queued.
    """

    def __init__(self, state: State, jobs: Jobs, started: Callable[[Job], object] = id) -> None:
        self._state, self._jobs, self._started = state, jobs, started
        training = state.recipe.training
        modes = [(MODE_TITLES[name], name) for name in get_args(Mode)]
        self.mode = choice(
            "Training",
            modes,
            training.mode,
            "Train in few bits from the start, from the float model on, or not at all",
        )
        self.epochs = integer("Epochs", training.epochs, "How often training goes over the graph")
        self.lr = real("Learning rate", training.lr, 0.001, "How far a step of training goes")
        self.batch = integer("Batch", training.batch, "Graphs in a step")
        self.seed = integer(
            "Seed", state.recipe.seed, "Of the first weights and of all that is drawn at random"
        )
        for control in (self.batch, self.seed):
            control.add_class("gb-short")
        self._bind("mode", with_mode)
        self._bind("epochs", lambda recipe, value: with_training(recipe, epochs=value))
        self._bind("lr", lambda recipe, value: with_training(recipe, lr=value))
        self._bind("batch", lambda recipe, value: with_training(recipe, batch=value))
        bind(self.seed, state, lambda r: r.seed, lambda r, value: replace(r, seed=value))
        self.start = widgets.Button(
            description="Start",
            button_style="primary",
            tooltip="Train this recipe, after what waits already",
        )
        self.start.on_click(self._start)
        self.cancel = widgets.Button(
            description="Cancel", disabled=True, tooltip="End the run that is going on"
        )
        self.cancel.on_click(self._cancel)
        self.progress = widgets.FloatProgress(min=0, max=1)
        self.progress.add_class("gb-progress")
        self.sentence = html(name="gb-note")
        self.queue = widgets.VBox()
        self.queue.add_class("gb-queue")
        self._lines: dict[str, widgets.HBox] = {}
        jobs.listen(self._follow)
        super().__init__(
            [
                row(self.mode, self.epochs, self.lr, self.batch, self.seed),
                row(self.start, self.cancel, self.progress),
                self.sentence,
                self.queue,
            ]
        )
        self.add_class("gb-panel")
        self.add_class("gb-run")
        state.follow(self._adapt)
        self._adapt(None)

    def close(self) -> None:
        """Listen to the queue no more."""
        self._jobs.unlisten(self._follow)
        super().close()

    def _bind(self, name: str, write: Callable[[RunSpec, Any], RunSpec]) -> None:
        bind(getattr(self, name), self._state, lambda recipe: getattr(recipe.training, name), write)

    def _adapt(self, _: Any) -> None:
        of_graphs = self._state.recipe.model.pool != "none"
        self.batch.layout.display = None if of_graphs else "none"
        self._follow(None)

    def _start(self, _: Any) -> None:
        recipe, shown = self._state.recipe, self._state.shown
        if shown is not None and shown.run is not None and shown.recipe == recipe:
            self.sentence.value = ANSWERED
            return
        self._started(self._jobs.submit(recipe, job_title(recipe)))

    @property
    def _current(self) -> Job | None:
        """The job that runs, else the one that is next."""
        return self._jobs.running or next(iter(self._jobs.waiting), None)

    def _cancel(self, _: Any) -> None:
        if self._current is not None:
            self._jobs.cancel(self._current)

    def _follow(self, _: Job | None) -> None:
        running, current = self._jobs.running, self._current
        self.cancel.disabled = current is None or current.cancelling
        self.progress.value = running.done if running else 0.0
        self.sentence.value = escape(progress_sentence(self._jobs))
        listed = [job for job in self._jobs.jobs if job.is_over][-SHOWN_OVER:]
        listed += [job for job in self._jobs.jobs if not job.is_over]
        lines = [self._line(job) for job in reversed(listed)]
        if tuple(lines) != self.queue.children:
            self.queue.children = lines
        for key in self._lines.keys() - {job.id for job in listed}:
            close(self._lines.pop(key))

    def _line(self, job: Job) -> widgets.HBox:
        """Return the job's line in the queue, which stays the same widget while it says more."""
        if job.id not in self._lines:
            remove = widgets.Button(description="Cancel", tooltip=f"Cancel: {job.purpose}")
            remove.on_click(lambda _: self._jobs.cancel(job))
            self._lines[job.id] = row(html(name="gb-job"), remove)
        text, remove = self._lines[job.id].children
        note = f": {job.note}" if job.note else ""
        place = f", {before(job)}" if job.before else ""
        text.value = (
            f'<span class="gb-status gb-{job.status}">{job.status}{place}</span> '
            f"{escape(job.purpose)}{escape(note)}"
        )
        remove.layout.display = "none" if job.is_over or job.status == "running" else ""
        return self._lines[job.id]


def before(job: Job) -> str:
    """Return what a waiting job waits for."""
    if job.before is None:
        return "the worker is not heard yet"
    return f"{job.before} before you" if job.before else "it is next"


def progress_sentence(jobs: Jobs) -> str:
    """Return how far the running job is, or what the first waits for, in one sentence."""
    job = jobs.running
    if jobs.failure:
        return jobs.failure
    if job is None:
        first = next(iter(jobs.waiting), None)
        return "" if first is None else f"Waiting: {before(first)}."
    if job.cancelling:
        return "Cancelling after this step …"
    if isinstance(job.order, SearchSpec):
        return searching_sentence(job)
    if not job.epochs:
        return "Starting …"
    last = job.epochs[-1]
    left = "" if last["seconds_left"] is None else f", {duration(last['seconds_left'])} left"
    loss = "–" if last["loss"] is None else f"{last['loss']:.3f}"
    validation = "–" if last["validation"] is None else told(job.merit, last["validation"])
    return f"Epoch {last['epoch']} of {job.planned}{left}. Loss {loss}, validation {validation}."


def searching_sentence(job: Job) -> str:
    """Return how far a search is, in one sentence."""
    if not job.what:
        return "The search is starting …"
    known = f"{job.trials} run{'s' * (job.trials != 1)} known"
    return f"Search: {100 * job.share:.0f} % of its budget, {known}. Now {job.what}."


def with_mode(recipe: RunSpec, mode: str) -> RunSpec:
    """Return the recipe trained in a mode; training in float quantizes nothing."""
    if mode == "float":
        return float_twin(recipe)
    return with_training(recipe, mode=mode)
