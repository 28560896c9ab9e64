"""Lessons and what they hide: in Python, in a link, and refused where there is none."""

from __future__ import annotations

import pytest

from engine.runs import RunStore
from engine.spec import GraphSpec, SpecError, scheme
from explorer import Explorer
from explorer.jobs import Jobs
from explorer.lessons import HIDEABLE, LESSONS, PAGES, checked, from_query
from explorer.links import pack
from explorer.packaged import stores


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    yield folder
    Jobs.shared(folder).close()


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_opens_at_once_where_its_answer_is(name: str, store) -> None:
    lesson = LESSONS[name]
    assert RunStore(store, shipped=stores()).answer(lesson.recipe.key) is not None
    made = Explorer(lesson=name, store=store)
    assert made.state.shown.recipe == lesson.recipe
    assert made.state.page == PAGES[lesson.page]
    assert set(made.tabs.titles) == {PAGES[page] for page in PAGES if page not in lesson.hidden}
    for panel, control, value in lesson.settings:
        assert getattr(getattr(made, panel), control).value == value
    shown = made.children[-1].children[0].children
    assert (made.bits in shown, made.graph in shown) == (True, False)
    assert lesson.question[:20] in made.children[2].value
    made.close()


def test_what_is_hidden_is_left_out_and_a_run_can_still_be_started(store) -> None:
    made = Explorer(store=store, hide=("training", "graph", "model", "bits", "protection", "run"))
    assert PAGES["training"] not in made.tabs.titles
    assert made.children[-1].children == (made._right,), "no column without controls"
    made._show_training(None)
    assert made.report().count("<figure>") == 8
    made.close()


@pytest.mark.parametrize(
    ("given", "field"),
    [({"lesson": "hub"}, "lesson"), ({"hide": ["tabs"]}, "hide"), ({"hide": PAGES}, "hide")],
)
def test_what_there_is_not_is_refused(given, field: str, store) -> None:
    with pytest.raises(SpecError) as caught:
        Explorer(store=store, **given)
    assert caught.value.field == field


def test_a_link_names_a_lesson_and_hides(store, monkeypatch) -> None:
    assert from_query("?lesson=hubs&hide=run, bits") == ("hubs", {"run", "bits"})
    assert from_query("") == (None, frozenset())
    assert checked(HIDEABLE[:5]) == set(HIDEABLE[:5])
    monkeypatch.setenv("QUERY_STRING", "lesson=hubs&hide=degrees")
    made = Explorer(store=store)
    assert made.tabs.titles == ("Error × degree", "Map", "Codes")
    made.close()
    other = scheme("qat", bits=8)
    monkeypatch.setenv("QUERY_STRING", f"lesson=hubs&r={pack(other)}")
    made = Explorer(store=store)
    assert made.state.recipe == other, "a recipe of the link's own counts"
    made.close()
    for broken in ("lesson=<script>", "hide=nothing"):
        monkeypatch.setenv("QUERY_STRING", broken)
        made = Explorer(store=store)
        assert "could not be read" in made.state.problem
        assert len(made.tabs.titles) == len(PAGES)
        made.close()


def test_a_graph_of_ones_own_can_be_looked_at_in_a_lesson(store) -> None:
    made = Explorer(scheme("float", graph=GraphSpec(name="karate")), lesson="hubs", store=store)
    assert made.state.recipe.graph.name == "karate"
    made.close()
