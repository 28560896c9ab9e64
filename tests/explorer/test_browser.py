"""The whole explorer in a real Voila and a real JupyterLab, from opening to a trained run."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

from assets.browsing import Command, arrive

pytestmark = pytest.mark.browser

TABS = (
    *("Error × degree", "Map", "Depth", "Codes", "Arithmetic", "Degrees"),
    *("Predictions", "Training", "Search", "Runs", "Recipe"),
)
FOLLOWING = ("Error × degree", "Map", "Depth", "Codes", "Arithmetic", "Predictions", "Runs")
"""The tabs whose first chart shows what a change of a width does."""
WITHOUT_POINTS = {"include": [[".gb"]], "exclude": [[".scatterlayer"]]}
"""A page without its charts' thousands of marks, which have no role, name or text."""
DRAWN = """[...document.querySelectorAll('.graphbits-chart')]
    .filter(chart => chart.offsetParent && chart.querySelector('.main-svg'))"""
SUBTITLES = f"{DRAWN}.map(chart => chart.querySelector('.gtitle')?.textContent ?? '')"
SHOWN = r"e => e.selectedOptions[0].textContent.replaceAll('\xa0', ' ')"
SIGHT = f"""JSON.stringify({DRAWN}.map(({{ data, layout }}) =>
    [data, layout.title, layout.xaxis, layout.yaxis, layout.annotations].map(part =>
        JSON.stringify(part, (name, value) => name == 'range' ? null : value))))"""
CUT_OFF = """() => [...document.querySelectorAll('.gb *')].filter(e =>
    e.offsetParent && e.children.length == 0 && e.textContent.trim() && e.tagName != 'OPTION'
    && !e.closest('.gb-cell > label, .gb-title, svg, textarea, .graphbits-scroll')
    && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX != 'visible'
        || e.closest('.lm-TabBar') && e.getBoundingClientRect().right
            > e.closest('.gb-tabs').getBoundingClientRect().right))
    .map(e => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`)"""
OVERLAPPING = """() => {
    const seen = [...document.querySelectorAll('.gb select, .gb input, .gb button, .gb-card')]
        .filter(e => e.offsetParent && e.getBoundingClientRect().width > 1);
    const boxes = seen.map(e => [e, e.getBoundingClientRect()]);
    return boxes.flatMap(([a, p], i) => boxes.slice(i + 1)
        .filter(([b, q]) => !a.contains(b) && !b.contains(a) && p.left < q.right - 1
            && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
        .map(([b]) => `${a.outerHTML.slice(0, 80)} over ${b.outerHTML.slice(0, 80)}`));
}"""


@pytest.fixture
def explore(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Return ``explore(*options)``, which starts the command; it is ended with the test."""
    commands: list[Command] = []

    def start(*options: str) -> Command:
        commands.append(Command(tmp_path, *options))
        return commands[-1]

    yield start
    for command in commands:
        command.end()


def opened(visit, command: Command):
    """Return the page once its first chart is drawn."""
    page, address = visit.page, command.address
    start = time.monotonic()
    arrive(page, address)
    page.wait_for_selector(".graphbits-chart .point", state="attached")
    place = "lab" if "token=" in address else "voila"
    print(f"{place}: opened after {time.monotonic() - start:.1f} s")
    return page


def click_a_point(page, chart, done: Callable[[], bool]) -> None:
    """Click one point of a chart after the other, of those in sight, until one did what is hoped.

    A point may be of what is shown already, or hidden below another.
    """
    chart.scroll_into_view_if_needed()
    seen = chart.locator(".nsewdrag").first.bounding_box()
    points = chart.locator(".points path")
    for place in reversed(range(points.count())):
        at = points.nth(place).bounding_box()
        x, y = at["x"] + at["width"] / 2, at["y"] + at["height"] / 2
        across, down = x - seen["x"], y - seen["y"]
        if not (0 < across < seen["width"] and 0 < down < seen["height"]):
            continue
        page.mouse.move(x - 20, y)
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        page.wait_for_timeout(700)
        if done():
            return
    raise AssertionError(f"none of {points.count()} points did it when clicked")


def box(page, name: str):
    """Return a number's box by its label."""
    return page.get_by_role("spinbutton", name=name, exact=True)


def enter(page, name: str, value: object) -> None:
    """Type a number and leave its box."""
    box(page, name).fill(str(value))
    box(page, name).press("Enter")


def check_clean(visit, icons: str = "") -> None:
    """Assert that nothing went wrong unseen, or was asked of another host but Voila's icons."""
    told = [*visit.errors, *visit.foreign]
    assert [text for text in told if not (icons and icons in text)] == []


@pytest.mark.parametrize("options", [[], ["--lab"]], ids=["voila", "lab"])
def test_widths_training_cancel_and_result(visit, explore, options: list[str]) -> None:
    page = opened(visit, explore(*options))
    assert page.locator(".gb-badge-stored").is_visible()

    # A width moves: every chart, caption, table and card follows.
    captions = {}
    for tab in FOLLOWING:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('stored'))")
        captions[tab] = page.locator("figcaption:visible").first.inner_text()
    cards = page.locator(".gb-cards").inner_text()
    page.get_by_label("Bits of message, layer 1").select_option("2")
    page.locator(".gb-badge-preview").wait_for()
    assert page.locator(".gb-cards").inner_text() != cards
    for tab in FOLLOWING:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('preview'))")
        assert page.locator("figcaption:visible").first.inner_text() != captions[tab], tab

    # A long training: progress is live, controls answer, Cancel works midway.
    page.get_by_role("tab", name="Error × degree").click()
    enter(page, "Epochs", 20000)
    page.get_by_role("button", name="Start", exact=True).click()
    sentence = page.locator(".gb-run > .gb-note")
    page.wait_for_function("document.querySelector('.gb-run').textContent.includes('Epoch ')")
    first = sentence.inner_text()
    page.wait_for_function(
        "first => document.querySelector('.gb-run > .gb-note').innerText != first", arg=first
    )
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('running'))")
    page.get_by_role("tab", name="Error × degree").click()
    answers_ms = []
    for component in ("input", "feature", "message", "aggregate", "output") * 2:
        start = time.monotonic()
        page.get_by_label("Component", exact=True).select_option(component)
        page.wait_for_function(
            f"name => {SUBTITLES}.some(title => title.includes(`layer 2 ${{name}}`))",
            arg=component,
            polling=10,
        )
        answers_ms.append(1000 * (time.monotonic() - start))
    print(f"while training a chart answers in {median(answers_ms):.0f} ms")
    page.get_by_role("button", name="Cancel", exact=True).first.click()
    page.locator(".gb-status.gb-cancelled").wait_for()

    # A short one: its result takes the preview's place.
    enter(page, "Epochs", 30)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".gb-badge-trained").wait_for()
    page.get_by_role("tab", name="Error × degree").click()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('trained'))")

    # A node: click its point.
    first = page.locator(".graphbits-chart:visible").first
    click_a_point(page, first, page.locator(".gb-facts").is_visible)
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('Neighbourhood'))")

    # A bad value: a sentence, and the old value stays.
    enter(page, "Layers", 1)
    page.get_by_text("model.layers: got 1, accepts an integer from 2 to 64").wait_for()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.gb input')].some(e => e.value == 2)"
    )
    check_clean(visit)


@pytest.mark.parametrize(
    ("operator", "slot"),
    [
        ("GAT", "logit"),
        ("GIN", "hidden features (second linear map)"),
        ("GraphSAGE", "own features (own linear map)"),
    ],
)
def test_another_operator(visit, explore, operator: str, slot: str, tmp_path) -> None:
    page = opened(visit, explore())
    page.get_by_label("Model", exact=True).select_option(operator)
    page.get_by_text(f"Degree-Quant 4 · digits-knn · {operator} 2×16").first.wait_for()
    page.get_by_label("Component", exact=True).select_option(slot)
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('layer 2 {slot}'))")
    assert page.locator(".gb-badge-stored").is_visible()
    assert ("softmax" in page.locator(".gb-cards").inner_text()) == (operator == "GAT")
    page.screenshot(path=tmp_path / f"{operator}.png")
    start = page.get_by_role("button", name="Start", exact=True)
    assert start.bounding_box()["y"] + start.bounding_box()["height"] <= 800
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(OVERLAPPING) == []
    page.get_by_label("Bits of message, layer 1").select_option("2")
    page.locator(".gb-badge-preview").wait_for()
    enter(page, "Epochs", 30)
    start.click()
    page.locator(".gb-badge-trained").wait_for()
    check_clean(visit)


def test_a_set_of_graphs(visit, explore, tmp_path) -> None:
    page = opened(visit, explore())
    enter(page, "Epochs", 20)
    page.get_by_label("Graph", exact=True).select_option("digits-superpixels (graphs)")
    page.get_by_text("1,797 graphs of 22 to 36 nodes").wait_for()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('superpixels'))")
    for against in ("Error against degree", "Error against graph size"):
        page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('{against}'))")
        page.screenshot(path=tmp_path / f"{against}.png")
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate(OVERLAPPING) == []
        page.get_by_label("Against", exact=True).select_option("Graph size")
    enter(page, "Graph of the set", 7)
    page.get_by_role("button", name="Show graph").click()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('Graph 7'))")
    page.get_by_role("tab", name="Predictions").click()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('Predictions'))")
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('Graph 7'))")
    page.get_by_label("Bits of message, layer 1").select_option("2")
    page.locator(".gb-badge-preview").wait_for()
    start = page.get_by_role("button", name="Start", exact=True)
    assert start.bounding_box()["y"] + start.bounding_box()["height"] <= 800
    start.click()
    page.locator(".gb-badge-trained").wait_for()
    check_clean(visit)


OWN_MODEL = """
import warnings
warnings.simplefilter("ignore")
import torch
from torch_geometric.data import Data
from torch_geometric.nn.models import GAT
from engine.graphs import load_graph
from engine.spec import GraphSpec
from explorer import Explorer
karate = load_graph(GraphSpec(name="karate"))
data = Data(
    x=torch.eye(34),
    edge_index=torch.from_numpy(karate.edge_index),
    y=torch.from_numpy(karate.y),
)
Explorer(graph=data, model=GAT(34, 8, 2, 4, heads=2).eval())
"""


def test_own_model(visit, serve, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GRAPHBITS_STORE", str(tmp_path / "store"))
    page = visit.page
    page.goto(serve("voila", [OWN_MODEL]))
    page.locator(".gb-badge-preview").wait_for()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('own graph'))")
    page.screenshot(path=tmp_path / "own model.png")
    assert page.evaluate(CUT_OFF) == []
    assert page.evaluate(OVERLAPPING) == []
    page.get_by_text("Your own model keeps its shape").wait_for()
    assert box(page, "Layers").is_disabled()
    assert box(page, "Heads").input_value() == "2"
    page.get_by_label("Bits preset").select_option("INT4")
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('INT4'))")
    enter(page, "Epochs", 10)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".gb-badge-trained").wait_for()
    page.get_by_role("tab", name="Runs").click()
    page.get_by_text("INT4, own").first.wait_for(state="attached")
    check_clean(visit, icons="fortawesome")


def brush(page, left: float, right: float, low: float = 0.5, high: float = 0.5) -> None:
    """Drag across the chart in front, from and to shares of its width and height."""
    chart = page.locator(".graphbits-chart:visible .nsewdrag").first
    chart.scroll_into_view_if_needed()
    area = chart.bounding_box()
    across = [area["x"] + share * area["width"] for share in (left, right)]
    down = [area["y"] + share * area["height"] for share in (low, high)]
    page.mouse.move(across[0], down[0])
    page.mouse.down()
    page.mouse.move(across[1], down[1], steps=6)
    page.mouse.up()


@pytest.mark.parametrize("options", [[], ["--lab"]], ids=["voila", "lab"])
def test_every_chart_follows_what_is_brushed_in_one(visit, explore, options: list[str]) -> None:
    page = opened(visit, explore(*options))
    following = ("Error × degree", "Map", "Depth", "Codes", "Degrees", "Predictions")
    whole = {}
    for tab in following:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(f"{DRAWN}.length > 0")
        whole[tab] = page.evaluate(f"JSON.stringify({DRAWN}[0].data)")
    page.get_by_role("tab", name=following[0]).click()
    brush(page, 0.55, 0.8)
    start = time.monotonic()
    page.locator(".gb-chip:visible", has_text="in-degree").wait_for()
    print(f"the chip came after {1000 * (time.monotonic() - start):.0f} ms")
    for tab in following:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(
            f"before => JSON.stringify({DRAWN}[0]?.data) != before", arg=whole[tab]
        )
    brush(page, 0.1, 0.5, 0.1, 0.9)
    page.locator(".gb-chip:visible", has_text="in a box").wait_for()
    page.get_by_label("Look at").select_option("Class 3")
    page.locator(".gb-chip:visible", has_text="class 3").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator(".gb-chip").wait_for(state="hidden")
    check_clean(visit)


@pytest.mark.parametrize("options", [[], ["--lab"]], ids=["voila", "lab"])
def test_every_choice_of_a_page_changes_its_chart(visit, explore, options: list[str]) -> None:
    page = opened(visit, explore(*options))
    chosen = 0

    def choose(control, index: int) -> None:
        nonlocal chosen
        page.evaluate(f"globalThis.seenBefore = {SIGHT}")
        control.select_option(index=index)
        page.wait_for_function(f"{SIGHT} != seenBefore")
        chosen += 1

    for tab in ("Error × degree", "Map", "Depth", "Codes", "Arithmetic", "Runs"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(f"{DRAWN}.length > 0")
        page.wait_for_timeout(500)
        controls = page.locator(".gb-tabs select:visible")
        for place in range(controls.count()):
            control = controls.nth(place)
            kept, several, name = control.evaluate(
                "e => [e.selectedIndex, e.options.length, e.labels[0].textContent]"
            )
            if name == "Run":  # which is loaded by the button beside it
                continue
            others = [index for index in range(several) if index != kept][:2]
            for index in others:
                choose(control, index)
            if others:
                choose(control, kept)
    assert chosen > 30
    check_clean(visit)


@pytest.mark.parametrize("options", [[], ["--lab"]], ids=["voila", "lab"])
def test_what_is_pinned_stays_edits_go_both_ways_and_a_point_opens(
    visit, explore, options: list[str]
) -> None:
    page = opened(visit, explore(*options))
    preset, title = page.get_by_label("Bits preset"), page.locator(".gb-title")
    page.get_by_role("button", name="Pin to compare").click()
    page.locator(".gb-chip", has_text="pinned: Degree-Quant 4").wait_for()
    page.get_by_text("What is shown is the same recipe.").wait_for()
    preset.select_option("INT8")
    page.get_by_text("Differs in ").wait_for()
    page.wait_for_function(f"{SIGHT}.includes('pinned')")
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("What is shown is the same recipe.").wait_for()
    show(page, preset, "Degree-Quant 4")
    page.get_by_role("button", name="Redo").click()
    page.get_by_text("Differs in ").wait_for()
    show(page, preset, "INT8")
    page.get_by_role("button", name="Unpin").click()

    # A point of all stored runs: a click makes its recipe the one that is edited.
    page.get_by_role("tab", name="Runs", exact=True).click()
    page.wait_for_function(f"{DRAWN}.length == 2")
    before = title.inner_text()
    cost = page.locator(".graphbits-chart:visible").nth(1)
    click_a_point(page, cost, lambda: title.inner_text() != before)
    page.locator(".gb-badge-stored").wait_for()

    # From step to step: the nodes of a propagation walk along in one plane.
    page.get_by_label("Model", exact=True).select_option("APPNP")
    page.get_by_role("tab", name="Depth", exact=True).click()
    page.get_by_label("Chart of depth").select_option("Where nodes lie")
    slider = page.locator(".gb-stepper input:visible")
    slider.wait_for()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('Nodes in the plane'))")
    page.wait_for_timeout(500)
    first, seen = slider.input_value(), page.evaluate(SIGHT)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        "first => document.querySelector('.gb-stepper input').value != first", arg=first
    )
    page.wait_for_function(f"before => {SIGHT} != before", arg=seen)
    page.get_by_role("button", name="Stop").click()
    check_clean(visit)


def show(page, control, value: str) -> None:
    """Wait until a list shows a value."""
    until = time.monotonic() + 30
    while control.evaluate(SHOWN) != value:
        assert time.monotonic() < until, f"it never showed {value}"
        page.wait_for_timeout(50)


@pytest.mark.parametrize("options", [[], ["--lab"]], ids=["voila", "lab"])
def test_what_is_taken_away_is_whole_and_opens_offline(
    visit, explore, options: list[str], tmp_path
) -> None:
    page = opened(visit, explore(*options))
    page.get_by_role("tab", name="Recipe").click()
    for button, file in (
        ("Every node (CSV)", "graphbits.csv"),
        ("Notebook (executed)", "graphbits.ipynb"),
        ("Report (HTML)", "graphbits.html"),
    ):
        with page.expect_download() as saved:
            page.get_by_role("button", name=button).click()
        saved.value.save_as(tmp_path / file)
    assert len((tmp_path / "graphbits.csv").read_text().splitlines()) == 1798
    notebook = json.loads((tmp_path / "graphbits.ipynb").read_text())
    assert sum(bool(cell.get("outputs")) for cell in notebook["cells"]) >= 9
    check_clean(visit)
    page.goto(f"file://{tmp_path / 'graphbits.html'}")
    page.wait_for_function("document.querySelectorAll('.main-svg').length >= 7")
    assert "96.1" in page.locator(".cards").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_fault_of_accessibility(visit, explore, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = opened(visit, explore())
    page.goto(f"{page.url}?theme={theme}")
    page.wait_for_selector(".graphbits-chart .point", state="attached")
    faults = []
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_function(f"{DRAWN}.length > 0 || {json.dumps(tab == 'Recipe')}")
        found = axe.run(page, context=WITHOUT_POINTS, options={"resultTypes": ["violations"]})
        faults += [
            f"{tab}: {fault['id']}: {fault['nodes'][0]['html'][:120]}"
            for fault in found.response["violations"]
            if fault["impact"] in ("serious", "critical")
        ]
    assert faults == []


def test_link_opens_the_same_recipe(visit, explore) -> None:
    page = opened(visit, explore())
    page.get_by_label("Bits preset").select_option("W4A8")
    page.get_by_text("W4A8 · digits-knn").first.wait_for()
    link = page.get_by_label("Link to this recipe").input_value()
    page.goto(link)
    page.get_by_text("W4A8 · digits-knn").first.wait_for()
    assert page.get_by_label("Bits preset").input_value() == "W4A8"
    page.goto(link[:-9])
    page.get_by_text("The link could not be read").wait_for()
    check_clean(visit)


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_or_overlaps(visit, explore, size: tuple[int, int], tmp_path) -> None:
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    page = opened(visit, explore())
    start = page.get_by_role("button", name="Start", exact=True)
    for model in ("GAT", "GCN"):
        page.get_by_label("Model", exact=True).select_option(label=model)
        page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('stored'))")
        page.get_by_label("Heads").wait_for(state="visible" if model == "GAT" else "hidden")
        assert start.bounding_box()["y"] + start.bounding_box()["height"] <= size[1]
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(800)
        page.screenshot(path=tmp_path / f"{size[0]} {tab}.png")
        assert page.evaluate(CUT_OFF) == [], tab
        assert page.evaluate(OVERLAPPING) == [], tab
        assert page.evaluate(
            "document.querySelector('.gb').scrollWidth <= document.querySelector('.gb').clientWidth"
        )
    check_clean(visit)


@pytest.mark.parametrize("size", [(640, 400), (768, 1024)], ids=["200 %", "tablet"])
def test_it_is_usable_enlarged_and_on_a_tablet(
    visit, explore, size: tuple[int, int], tmp_path
) -> None:
    page = opened(visit, explore())
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(500)
        page.screenshot(path=tmp_path / f"{size[0]} {tab}.png")
        assert page.evaluate(CUT_OFF) == [], tab
        assert page.evaluate(OVERLAPPING) == [], tab
        assert page.evaluate(
            "document.querySelector('.gb').scrollWidth <= document.querySelector('.gb').clientWidth"
        )
    page.get_by_role("tab", name="Error × degree").click()
    page.get_by_label("Bits of message, layer 1").select_option("2")
    page.locator(".gb-badge-preview").wait_for()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('preview'))")
    chart = page.locator(".graphbits-chart:visible").first.bounding_box()
    assert chart["x"] >= 0
    assert chart["x"] + chart["width"] <= size[0]
    check_clean(visit)


def test_a_search_is_watched_stopped_and_resumed(visit, explore, tmp_path) -> None:
    page = opened(visit, explore())
    page.get_by_role("tab", name="Search").click()
    page.locator("th", has_text="LPGNAS · widths 8, 4, 2").first.wait_for()  # what is shipped
    page.screenshot(path=tmp_path / "shipped.png", full_page=True)
    page.get_by_label("Graph", exact=True).select_option("karate")
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('stored · karate'))")
    enter(page, "Epochs", 300)
    page.get_by_label("Method", exact=True).select_option("Random")
    enter(page, "Budget", 8)
    page.get_by_role("button", name="Start search").click()
    points = f"{DRAWN}[0].querySelectorAll('.scatterlayer .point').length"
    page.wait_for_function(f"{points} >= 3")
    known = page.evaluate(points)
    page.wait_for_function(f"known => {points} > known", arg=known)
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text("goes on from there").first.wait_for()
    listed = page.get_by_label("Searches", exact=True)
    stopped = listed.locator("option", has_text="stopped after").text_content()
    listed.select_option(stopped)
    page.get_by_role("button", name="Resume").click()
    at_work = page.locator(".gb-status.gb-running, .gb-status.gb-waiting")
    at_work.first.wait_for()
    at_work.first.wait_for(state="hidden", timeout=120_000)
    page.wait_for_function(
        "() => ![...document.querySelectorAll('option')].some(e => /going on|stopped after/"
        ".test(e.textContent))"
    )
    page.screenshot(path=tmp_path / "searched.png", full_page=True)

    # A point: its recipe is loaded.
    title = page.locator(".gb-title")
    before = title.inner_text()
    first = page.locator(".graphbits-chart:visible").first
    click_a_point(page, first, lambda: title.inner_text() != before)
    check_clean(visit)


@pytest.mark.skipif("GRAPHBITS_DATA" not in os.environ, reason="needs Cora's files")
def test_cora_from_choice_to_trained_run(visit, explore) -> None:
    page = opened(visit, explore())
    page.get_by_label("Graph", exact=True).select_option("Cora")
    page.get_by_text("2,708 nodes").first.wait_for()
    page.get_by_text("float model, which is being trained").wait_for()
    page.locator(".gb-badge-preview").wait_for()
    page.wait_for_function(f"{SUBTITLES}.some(title => title.includes('preview'))")
    enter(page, "Epochs", 20)
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".gb-badge-trained").wait_for()
    check_clean(visit)


def test_interrupt_ends_everything_and_a_taken_port_gives_way(visit, explore) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = explore("--port", str(port))
        assert str(port) not in command.address
        assert f"Port {port} is taken." in command.log.read_text()
    copied = command.descendants()
    assert len(copied) <= 1, "what kernels are copies of"
    opened(visit, command)
    started = command.descendants() - copied
    assert len(started) >= 2, "a kernel and its worker"
    visit.page.unroute_all()  # what a page asks for while it closes is lost on a route
    visit.page.goto("about:blank")
    until = time.monotonic() + 60
    while command.descendants() - copied:
        assert time.monotonic() < until, "a closed page leaves its kernel or worker behind"
        time.sleep(0.1)
    visit.page.goto(command.address)
    visit.page.get_by_text("worker ready").wait_for()
    left = command.descendants()
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(60) == 0
    assert "Traceback" not in command.log.read_text()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < until, "an interrupt leaves a kernel or worker behind"
        time.sleep(0.1)
