"""The pool with executors that do as they are told: bounds, one computation for all, every end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.spec import GraphSpec, ModelSpec, RunSpec, TrainingSpec, encode, scheme
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.pool.executor import Event, Hear
from explorer.pool.pool import ABANDONED_AFTER_S, ATTEMPTS, CANCEL_WITHIN_S, Pool

LONG = RunSpec(training=TrainingSpec(epochs=501))


class Hand:
    """An executor that notes what it is told, and tells what a test has it tell."""

    def __init__(self, hear: Hear) -> None:
        self.pid = None
        self.commands: list[Event] = []
        self.is_killed = self.is_closed = self.is_deaf = False
        self._hear = hear

    def take(self, command: Event) -> bool:
        if not self.is_deaf:
            self.commands.append(command)
        return not self.is_deaf

    def kill(self) -> None:
        self.is_killed = True
        self.tell("ended", note="killed by SIGKILL")

    def close(self) -> None:
        self.is_closed = True

    def tell(self, event: str, **fields: Any) -> None:
        task = next((c["id"] for c in reversed(self.commands) if c["command"] != "cancel"), None)
        self._hear(self, {"id": task, "event": event, **fields})


class Scene:
    """A pool, its hands, what each visitor heard, and a clock that a test moves."""

    def __init__(self, bounds: Bounds = OWN_MACHINE, ready: bool = True) -> None:
        self.hands: list[Hand] = []
        self.now_s = 0.0
        self.finished = 0
        self._alarms: list[tuple[float, Callable[..., object], tuple[Any, ...]]] = []
        self.pool = Pool(bounds, self._hire, self._later, lambda: self.now_s, self._count)
        if ready:
            for hand in list(self.hands):
                hand.tell("ready")

    def _hire(self, hear: Hear) -> Hand:
        self.hands.append(Hand(hear))
        return self.hands[-1]

    def _later(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        self._alarms.append((self.now_s + delay, callback, args))

    def _count(self) -> None:
        self.finished += 1

    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        due = [alarm for alarm in self._alarms if alarm[0] <= self.now_s]
        self._alarms = [alarm for alarm in self._alarms if alarm not in due]
        for _, callback, args in due:
            callback(*args)

    def visitor(self) -> Visitor:
        return Visitor(self.pool)


class Visitor:
    """Someone who asks, and what they heard."""

    def __init__(self, pool: Pool) -> None:
        self.heard: list[Mapping[str, Any]] = []
        self._pool = pool
        self.number = pool.join(self.heard.append)

    def run(self, id: str, recipe: RunSpec | int, **more: Any) -> None:
        spec = encode(RunSpec(seed=recipe) if isinstance(recipe, int) else recipe)
        self._pool.ask(self.number, {"id": id, "command": "run", "spec": spec, **more})

    def cancel(self, id: str) -> None:
        self._pool.ask(self.number, {"id": id, "command": "cancel"})

    def leave(self) -> None:
        self._pool.leave(self.number)

    def of(self, id: str) -> list[str]:
        return [event["event"] for event in self.heard if event["id"] == id]

    def last(self, id: str) -> Mapping[str, Any]:
        return [event for event in self.heard if event["id"] == id][-1]


def test_the_queue_is_seen_and_moves() -> None:
    scene = Scene()
    first, second, third = scene.visitor(), scene.visitor(), scene.visitor()
    first.run("a", 1)
    second.run("b", 2)
    third.run("c", 3)
    assert first.of("a") == ["running"]
    assert (second.last("b")["before"], third.last("c")["before"]) == (1, 2)
    scene.hands[0].tell("finished", key="k")
    assert first.last("a")["event"] == "finished"
    assert second.of("b") == ["waiting", "running"]
    assert third.last("c")["before"] == 1
    assert scene.finished == 1


def test_what_two_ask_for_is_computed_once_and_told_to_both() -> None:
    scene = Scene()
    first, second = scene.visitor(), scene.visitor()
    first.run("a", 1)
    hand = scene.hands[0]
    hand.tell("started", epochs=4, merit="accuracy", key="k")
    hand.tell("epochs", epochs=[{"epoch": 1}, {"epoch": 2}])
    second.run("b", 1)
    assert second.of("b") == ["running", "started", "epochs"]
    assert len(second.last("b")["epochs"]) == 2
    first.cancel("a")
    assert first.last("a")["event"] == "cancelled"
    hand.tell("finished", key="k")
    assert second.last("b")["event"] == "finished"
    assert [command["command"] for command in hand.commands] == ["run"]


def test_what_an_abandoned_visitor_asked_for_is_cancelled_but_not_what_another_wants() -> None:
    scene = Scene()
    first, second = scene.visitor(), scene.visitor()
    first.run("a", 1)
    first.run("b", 2)
    second.run("c", 2)
    first.leave()
    assert len(scene.hands[0].commands) == 1, "the page may only have been loaded again"
    scene.wait(ABANDONED_AFTER_S)
    assert scene.hands[0].commands[-1]["command"] == "cancel"
    scene.hands[0].tell("cancelled", note="x")
    assert second.of("c")[-1] == "running"


def test_a_page_that_is_loaded_again_finds_its_run_going_on() -> None:
    scene = Scene()
    first = scene.visitor()
    first.run("a", 1)
    first.leave()
    again = scene.visitor()
    again.run("a", 1)
    scene.wait(ABANDONED_AFTER_S)
    scene.hands[0].tell("finished", key="k")
    assert again.last("a")["event"] == "finished"


def test_a_run_whose_worker_died_is_begun_again_and_given_up_in_the_end() -> None:
    scene = Scene()
    visitor, other = scene.visitor(), scene.visitor()
    visitor.run("a", 1)
    other.run("b", 2)
    for attempt in range(ATTEMPTS):
        scene.hands[-1].kill()
        assert len(scene.hands) == attempt + 2
        if attempt + 1 < ATTEMPTS:
            scene.hands[-1].tell("ready")
            assert visitor.last("a")["event"] == "running"
    assert visitor.last("a")["event"] == "failed"
    assert "SIGKILL" in visitor.last("a")["note"]
    scene.hands[-1].tell("ready")
    assert other.last("b")["event"] == "running"


def test_deaf_executor_is_killed_and_the_run_is_cancelled() -> None:
    scene = Scene()
    visitor = scene.visitor()
    visitor.run("a", 1)
    visitor.cancel("a")
    assert not scene.hands[0].is_killed
    scene.wait(CANCEL_WITHIN_S)
    assert scene.hands[0].is_killed
    assert visitor.last("a") == {"id": "a", "event": "cancelled", "note": "Cancelled."}
    visitor.run("b", 1)
    scene.hands[-1].tell("ready")
    assert visitor.last("b")["event"] == "running"


def test_an_executor_that_has_just_ended_leaves_the_task_waiting() -> None:
    scene = Scene()
    visitor = scene.visitor()
    scene.hands[0].is_deaf = True
    visitor.run("a", 1)
    assert visitor.of("a") == ["waiting"]
    scene.hands[0].kill()
    scene.hands[-1].tell("ready")
    assert visitor.last("a")["event"] == "running"


def test_executors_that_never_start_are_said_and_tried_again_when_asked() -> None:
    scene = Scene(ready=False)
    visitor = scene.visitor()
    visitor.run("a", 1)
    for hand in range(3):
        scene.hands[hand].tell("ended", note="exit status 3", last="the library is missing")
    assert len(scene.hands) == 3
    assert "the library is missing" in visitor.last("a")["note"]
    assert visitor.heard[-1]["note"] == visitor.last("a")["note"]
    visitor.run("b", 1)
    assert len(scene.hands) == 4
    scene.hands[3].tell("ready")
    assert visitor.last("b")["event"] == "running"


def test_many_executors_share_the_line() -> None:
    scene = Scene(Bounds(workers=2))
    visitor = scene.visitor()
    for id in "abc":
        visitor.run(id, ord(id))
    assert [visitor.last(id)["event"] for id in "abc"] == ["running", "running", "waiting"]
    assert visitor.last("c")["before"] == 2
    scene.pool.close()
    assert all(hand.is_closed for hand in scene.hands)


@pytest.mark.parametrize(
    ("recipe", "field"),
    [
        (LONG, "training.epochs"),
        (RunSpec(graph=GraphSpec(name="hubs", nodes=1_000_000)), "graph.nodes"),
        (RunSpec(graph=GraphSpec(name="Cora")), "graph.name"),
        (RunSpec(graph=GraphSpec(name="../../etc/passwd")), "graph.name"),
        (scheme("float", model=ModelSpec(layers=17)), "model.layers"),
        (RunSpec(model=ModelSpec(hidden=4096)), "model.hidden"),
        (scheme("float", model=ModelSpec(operator="appnp", steps=64)), "model.steps"),
    ],
)
def test_a_recipe_beyond_the_bounds_is_refused(recipe: RunSpec, field: str) -> None:
    scene = Scene(Bounds(graphs=("digits-knn", "hubs")))
    visitor = scene.visitor()
    visitor.run("a", recipe)
    assert visitor.of("a") == ["failed"]
    assert visitor.last("a")["note"].startswith(field)
    assert scene.hands[0].commands == []


def test_a_visitors_share_and_the_whole_line_are_bounded() -> None:
    scene = Scene(Bounds(visitor_runs=2, waiting=2))
    first, second, third = scene.visitor(), scene.visitor(), scene.visitor()
    for id in "abc":
        first.run(id, ord(id))
    assert "2 runs of yours" in first.last("c")["note"]
    second.run("d", 4)
    second.run("e", 5)
    assert "queue is full" in second.last("e")["note"]
    third.run("f", ord("a"))
    assert third.last("f")["event"] == "running", "to join one that is going on lengthens no queue"


def test_a_run_and_a_visitor_have_so_much_time() -> None:
    scene = Scene(Bounds(run_s=60, visitor_s=100))
    visitor = scene.visitor()
    for id in "ab":
        visitor.run(id, ord(id))
        scene.wait(59)
        assert visitor.last(id)["event"] == "running"
        scene.wait(1)
        assert scene.hands[0].commands[-1]["command"] == "cancel"
        scene.hands[0].tell("cancelled", note="by whatever")
        assert visitor.last(id)["note"] == "Stopped: this may take 60 s on this server."
    visitor.run("c", 3)
    assert "all that this server gives" in visitor.last("c")["note"]
    other = scene.visitor()
    other.run("d", 3)
    assert other.last("d")["event"] == "running"


NAN = float("nan")


@pytest.mark.parametrize(
    "command",
    [
        None,
        [],
        "run",
        {},
        {"id": 7, "command": "run"},
        {"id": "x" * 101, "command": "run"},
        {"id": "a"},
        {"id": "a", "command": "shutdown"},
        {"id": "a", "command": ["run"]},
        {"id": "a", "command": "run"},
        {"id": "a", "command": "run", "spec": {"seed": 10**400}},
        {"id": "a", "command": "run", "spec": {"training": {"lr": NAN}}},
        {"id": "a", "command": "run", "spec": {"training": {"lr": 10**400}}},
        {"id": "a", "command": "run", "spec": {"graph": {"name": ["digits-knn"]}}},
        {"id": "a", "command": "run", "spec": {"graph": {"name": "own:../../x"}}},
        {"id": "a", "command": "run", "spec": {"__class__": "os.system"}},
        {"id": "a", "command": "fetch_graph", "graph": {"name": "../../etc/passwd"}},
        {"id": "a", "command": "fetch_graph", "graph": []},
        {"id": "a", "command": "cancel"},
    ],
)
def test_no_command_disturbs_the_pool(command: Any) -> None:
    scene = Scene(Bounds(graphs=("digits-knn",)))
    visitor = scene.visitor()
    scene.pool.ask(visitor.number, command)
    assert scene.hands[0].commands == []
    assert {event["event"] for event in visitor.heard} <= {"pool", "failed"}
    visitor.run("b", 1)
    assert visitor.last("b")["event"] == "running"
