"""The training panel: drawn at the first word of a job, now and then, and at its end."""

from __future__ import annotations

from typing import Any

import pytest

from engine.spec import scheme
from explorer.jobs import Job
from explorer.panels import training
from explorer.state import State


def test_epochs_that_come_fast_are_drawn_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    class Queue:
        tell: Any

        def listen(self, listener: Any) -> None:
            Queue.tell = listener

        def unlisten(self, _: Any) -> None:
            Queue.tell = None

    panel = training.TrainingPanel(State(scheme("qat", bits=8)), Queue())  # type: ignore[arg-type]
    job = Job(id="job-1", order=scheme("qat", bits=8), purpose="p", status="running", planned=9)
    now = [0.0]
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])

    def drawn_after(seconds: float, epoch: int) -> bool:
        before = panel.view.figure
        now[0] += seconds
        job.epochs.append({"epoch": epoch, "loss": 1.0, "train": 0.5, "validation": 0.5})
        Queue.tell(job)
        return panel.view.figure is not before

    assert drawn_after(0.0, 1)
    assert not drawn_after(0.1, 2)
    assert drawn_after(training.DRAWN_EVERY_S, 3)
    assert not drawn_after(0.1, 4)
    job.status = "finished"
    assert drawn_after(0.1, 5)
