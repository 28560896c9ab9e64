"""Training: loss and accuracy as they go, or as they went in the run that is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import ipywidgets as widgets

from engine.spec import RunSpec
from explorer.captions import scheme_title, subtitle
from explorer.fields import html
from explorer.figures.chart import blank
from explorer.figures.curves import TITLE, curves
from explorer.jobs import Job
from explorer.plot import PlotlyView
from explorer.seen import draw_when_seen
from explorer.state import State

PAGE = "Training"
"""The page it stands on."""
DRAWN_EVERY_S = 0.5
"""While a job runs. Epochs come faster, and each drawing takes the process that answers the other
controls some 50 ms."""


ADVICE = (
    "Look for a validation curve that stays behind, or a loss that jumps: few bits want a lower "
    "rate, more epochs, or to begin from the float model."
)


class Heard(Protocol):
    """What tells of jobs, as `explorer.jobs.Jobs`."""

    def listen(self, listener: Callable[[Job | None], None]) -> None:
        """Tell a listener of each job that changes."""

    def unlisten(self, listener: Callable[[Job | None], None]) -> None:
        """Tell it no more."""


class TrainingPanel(widgets.VBox):
    """The curves of the job that runs or ran last; of the run that is shown when there is none.

    Args:
        state: Holds what is shown.
        jobs: The queue.
    """

    def __init__(self, state: State, jobs: Heard) -> None:
        self._state, self._jobs = state, jobs
        self._job: Job | None = None
        self._drawn = time.monotonic()
        self.view = PlotlyView(height=420)
        jobs.listen(self._follow)
        super().__init__([html(ADVICE, "gb-note"), self.view])
        self.add_class("gb-tab")
        draw_when_seen(state, PAGE, self._show, ["shown"])

    def close(self) -> None:
        """Listen to the queue no more."""
        self._jobs.unlisten(self._follow)
        super().close()

    def _follow(self, job: Job | None) -> None:
        if job is None or not isinstance(job.order, RunSpec) or job.status == "waiting":
            return
        another, self._job = job is not self._job, job
        now = time.monotonic()
        if not (another or job.is_over) and now - self._drawn < DRAWN_EVERY_S:
            return
        self._drawn = now
        self.view.figure = curves(
            job.epochs,
            merit=job.merit,
            planned=job.planned,
            status=job.status,
            note=job.note,
            subtitle=f"{job.status} · {job.purpose}",
        )

    def _show(self, _: Any) -> None:
        shown = self._state.shown
        if self._job is not None and not self._job.is_over:
            return
        if shown is None:
            self.view.figure = blank(TITLE, "Nothing was trained yet.")
        elif shown.run is not None:
            self.view.figure = curves(
                shown.run.epochs,
                merit=shown.merit,
                planned=len(shown.run.epochs),
                status=shown.run.status,
                note=""
                if shown.run.epochs
                else "This run quantized the float model; no epoch was trained.",
                subtitle=subtitle(shown),
            )
        elif shown.baseline is not None:
            self.view.figure = curves(
                shown.baseline.epochs,
                merit=shown.merit,
                planned=len(shown.baseline.epochs),
                status="finished",
                subtitle=f"stored · {scheme_title(shown.baseline.spec)}, what is previewed from",
            )
