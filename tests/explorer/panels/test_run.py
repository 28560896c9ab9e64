"""The run panel: its queue says more with every epoch, in the same widgets."""

from __future__ import annotations

from typing import Any

from engine.spec import scheme
from explorer.jobs import Job
from explorer.panels.run import RunPanel
from explorer.state import State


class Queue:
    """Jobs as the panels see them, told by hand."""

    failure = ""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.tell: Any = None

    @property
    def running(self) -> Job | None:
        """The job that runs."""
        return next((job for job in self.jobs if job.status == "running"), None)

    @property
    def waiting(self) -> list[Job]:
        """The jobs that wait."""
        return [job for job in self.jobs if job.status == "waiting"]

    def unlisten(self, _: Any) -> None:
        self.tell = None

    def listen(self, listener: Any) -> None:
        """Take the one listener."""
        self.tell = listener


def test_a_line_of_the_queue_stays_the_same_widget() -> None:
    queue = Queue()
    panel = RunPanel(State(scheme("qat", bits=8)), queue)  # type: ignore[arg-type]
    first = Job(id="job-1", order=scheme("qat", bits=8), purpose="first", status="running")
    queue.jobs.append(first)
    queue.tell(first)
    (line,) = panel.queue.children
    for epoch in range(1, 4):
        first.epochs.append(
            {"epoch": epoch, "loss": 1 / epoch, "validation": 0.5, "seconds_left": None}
        )
        queue.tell(first)
        assert f"Epoch {epoch}" in panel.sentence.value
    assert panel.queue.children == (line,)

    second = Job(id="job-2", order=scheme("qat", bits=4), purpose="second")
    queue.jobs.append(second)
    queue.tell(second)
    assert panel.queue.children[1] is line
    first.status, second.status = "finished", "finished"
    queue.tell(second)
    (left,) = panel.queue.children
    assert "second" in left.children[0].value
    assert line.comm is None, "what is listed no more is closed"
