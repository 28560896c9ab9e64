"""Eight views on one page and one behind a tab, and a large map, in a real Voila and JupyterLab."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.browser

VIEWS = 8
PAGE = f"""
import ipywidgets as widgets
import plotly.graph_objects as go
from explorer.plot import PlotlyView

def figure(view, y):
    trace = {{"x": [1, 10, 100], "y": y, "customdata": [10, 20, 30], "mode": "markers",
             "marker": {{"size": 24}}}}
    table = {{"columns": ["node"], "rows": [[10], [20], [30]], "keys": [10, 20, 30]}}
    meta = {{"summary": f"view {{view}} shows {{y}}", "table": table}}
    layout = {{"title": {{"text": f"<script>{{y}}"}}, "meta": meta, "xaxis_type": "log",
              "margin": {{"t": 40, "b": 40}}}}
    return go.Figure(data=[trace], layout=layout)

views = [PlotlyView(figure(view, [1, 2, 3]), height=200) for view in range({VIEWS})]
behind = PlotlyView(figure("behind", [3, 1, 2]), height=200)
change = widgets.Button(description="Change all")
close = widgets.Button(description="Close first")
heard = widgets.Label("nothing yet")

def on_change(button):
    for view, shown in enumerate(views):
        shown.figure = figure(view, [6, 5, 4])
    behind.figure = figure("behind", [6, 5, 4])

def on_clicked(event):
    heard.value = f"customdata {{event['new']['customdata']}} count {{event['new']['count']}}"

def on_selected(event):
    heard.value = "selected " + " to ".join(f"{{x:.3g}}" for x in event["new"].get("x", []))

change.on_click(on_change)
close.on_click(lambda button: views[0].close())
for shown in views:
    shown.observe(on_clicked, "clicked")
    shown.observe(on_selected, "selected")
tabs = widgets.Tab([widgets.Label("in front"), behind], titles=["Front", "Behind"])
grid = widgets.GridBox(views, layout={{"grid_template_columns": "1fr 1fr"}})
widgets.VBox([change, close, heard, grid, tabs])
"""
ICON_FONT = "fortawesome"
RISES = """chart => { const [first, , last] = [...chart.querySelectorAll(".point")];
    return first.getBoundingClientRect().y > last.getBoundingClientRect().y; }"""


@pytest.mark.parametrize("application", ["voila", "lab"])
def test_every_view_draws_changes_and_answers(visit, serve, application: str) -> None:
    address = serve(application, [PAGE])
    page = visit.page
    start = time.monotonic()
    page.goto(address)
    if application == "lab":
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_selector(".graphbits-chart .main-svg")
    first_chart_s = time.monotonic() - start
    page.wait_for_function(
        "n => document.querySelectorAll('.graphbits-chart .points').length == n", arg=VIEWS
    )
    print(f"{application}: first chart after {first_chart_s:.1f} s, all {VIEWS} after "
          f"{time.monotonic() - start:.1f} s, {visit.received_bytes / 1e6:.1f} MB, "
          f"{visit.websocket_bytes / 1e6:.1f} MB of it from the kernel")  # fmt: skip
    charts = page.locator(".graphbits-chart:has(.point)")
    assert charts.count() == VIEWS
    assert [chart.evaluate(RISES) for chart in charts.all()] == [True] * VIEWS

    received_bytes = visit.received_bytes
    page.get_by_role("button", name="Change all").click()
    page.wait_for_function(
        f"n => [...document.querySelectorAll('.graphbits-chart:has(.point)')].filter({RISES})"
        ".length == 0", arg=VIEWS,
    )  # fmt: skip
    page.locator("figcaption", has_text="[6, 5, 4]").nth(VIEWS - 1).wait_for()
    assert charts.count() == VIEWS
    assert visit.received_bytes - received_bytes < 200_000, "plotly.js came again"

    last = charts.nth(VIEWS - 1)
    last.scroll_into_view_if_needed()
    box = last.locator(".point").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for count in (1, 2):
        page.mouse.move(x - 30, y)
        page.mouse.move(x, y)
        page.wait_for_timeout(400)  # two clicks in less are a double click, which resets the axes
        page.mouse.click(x, y)
        page.get_by_text(f"customdata 20 count {count}").wait_for()

    last.hover()
    last.locator('[data-title="Box Select"]').click()
    page.mouse.move(x - 40, y - 40)
    page.mouse.down()
    page.mouse.move(x + 40, y + 40, steps=4)
    page.mouse.up()
    page.get_by_text("selected ").wait_for()
    low, high = map(float, page.get_by_text("selected ").inner_text().split()[1::2])
    assert 1 < low < 10 < high < 100, (
        "a selection is told in the units of the axis, logarithmic too"
    )

    assert page.locator('[data-title^="Share"]').count() == 0, "it would upload the chart"
    page.get_by_text("Numbers behind this chart").first.click()
    page.locator("details[open]").get_by_role("button", name="30").click()
    page.get_by_text("customdata 30 count 1").wait_for()

    page.get_by_role("tab", name="Behind").click()
    hidden = page.locator(".graphbits-chart", has_text="[6, 5, 4]").last
    hidden.locator(".main-svg").first.wait_for()
    assert hidden.bounding_box()["width"] > 500

    page.set_viewport_size({"width": 900, "height": 800})
    page.wait_for_function(
        """() => [...document.querySelectorAll(".graphbits-chart")].every(chart =>
        Math.abs(chart.querySelector(".main-svg").clientWidth - chart.clientWidth) < 2)"""
    )
    page.get_by_role("button", name="Close first").click()
    page.wait_for_function(
        "n => document.querySelectorAll('.graphbits-chart').length == n", arg=VIEWS
    )

    assert visit.errors == []
    assert [url for url in visit.foreign if ICON_FONT not in url] == []


SIDE = 320
MAP = f"""
import ipywidgets as widgets
import numpy as np
from explorer.figures.map import Colors, Side, graph_map
from explorer.plot import PlotlyView

at = np.arange({SIDE}**2)
places = np.stack([at % {SIDE}, at // {SIDE}], axis=1) / {SIDE / 2} - 1 + {1 / SIDE}
links = np.stack([at[:-1], at[1:]])
degree = Colors("in-degree", (at % 7).astype(float))
sides = Side("Float", Colors("class", at % 4)), Side("Integers", degree)
view = PlotlyView(graph_map(places, links, at, sides, columns={{"In-degree": at % 7}}), height=520)
clicked, boxed = widgets.Label("nothing clicked"), widgets.Label("nothing boxed")

def on_clicked(event):
    clicked.value = f"clicked {{event['new']['customdata']}}"

def on_selected(event):
    boxed.value = "boxed " + " ".join(f"{{x:.2f}}" for x in sorted(event["new"]["x"]))

view.observe(on_clicked, "clicked")
view.observe(on_selected, "selected")
widgets.VBox([clicked, boxed, view])
"""


def test_a_map_of_a_hundred_thousand_nodes_is_drawn_and_picked_on_either_side(visit, serve) -> None:
    page = visit.page
    start = time.monotonic()
    page.goto(serve("voila", [MAP]))
    page.wait_for_selector(".graphbits-chart canvas.gl-canvas")
    page.locator("figcaption", has_text=f"{SIDE**2:,} nodes").wait_for()
    print(f"{SIDE**2:,} nodes on two sides after {time.monotonic() - start:.1f} s, "
          f"{visit.received_bytes / 1e6:.1f} MB")  # fmt: skip
    for axes in ("xy", "x2y2"):
        area = page.locator(f".graphbits-chart .draglayer .{axes} .nsewdrag").bounding_box()
        assert area
        x, y = area["x"] + area["width"] / 2, area["y"] + area["height"] / 2
        page.mouse.move(x - 20, y)
        page.mouse.move(x, y, steps=4)
        page.wait_for_timeout(400)
        page.mouse.click(x, y)
        page.wait_for_function("document.body.innerText.includes('clicked ')")
        node = int(page.get_by_text("clicked ").inner_text().split()[1])
        assert abs(node % SIDE - SIDE // 2) < SIDE // 10
        assert abs(node // SIDE - SIDE // 2) < SIDE // 10
        page.mouse.move(x - 40, y - 40)
        page.mouse.down()
        page.mouse.move(x + 40, y + 40, steps=4)
        page.mouse.up()
        page.get_by_text("boxed ").wait_for()
        low, high = map(float, page.get_by_text("boxed ").inner_text().split()[1:])
        assert -0.6 < low < 0 < high < 0.6
    assert visit.errors == []
