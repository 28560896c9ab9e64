"""What lies behind another tab is drawn when it comes to the front, once."""

from __future__ import annotations

from explorer.chosen import OfClass
from explorer.presets import DEFAULT
from explorer.seen import draw_when_seen
from explorer.state import State


def test_only_the_page_in_front_is_drawn_and_the_others_when_they_come() -> None:
    state = State(DEFAULT)
    drawn: list[str] = []
    draw_when_seen(state, "A", lambda _: drawn.append("A"), ["chosen", "node"])
    draw_when_seen(state, "B", lambda _: drawn.append("B"), ["chosen"])
    assert drawn == ["A", "B"], "shown alone, each is drawn"
    state.chosen = OfClass(0)
    assert drawn == ["A", "B", "A", "B"]
    drawn.clear()
    state.page = "A"
    assert drawn == []
    state.chosen, state.node = OfClass(1), 3
    assert drawn == ["A", "A"]
    state.page = "B"
    assert drawn == ["A", "A", "B"]
    state.page = "A"
    state.page = "B"
    assert drawn == ["A", "A", "B"], "nothing changed meanwhile"


def test_what_is_behind_from_the_beginning_is_drawn_when_it_comes() -> None:
    state = State(DEFAULT)
    state.page = "A"
    drawn: list[str] = []
    draw_when_seen(state, "B", lambda _: drawn.append("B"), ["chosen"])
    state.page = "B"
    assert drawn == ["B"]
    state.page = "A"
    state.chosen = OfClass(1)
    state.page = ""
    assert drawn == ["B", "B"], "where no page is in front, all are"
