"""The executed notebook: code that leads to what is shown, with what each cell said here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pprint import pformat
from typing import Any

import ipywidgets as widgets
import plotly.graph_objects as go
from plotly.io import to_html

from engine.spec import RunSpec, dumps, float_twin
from explorer.captions import recipe_title
from explorer.chosen import Choice
from explorer.packaged import KERNELSPEC
from explorer.plot import figure_json
from explorer.shown import MEANING, Shown
from explorer.stepper import Stepper

SETTABLE = (widgets.Dropdown, widgets.IntText, widgets.FloatText, widgets.Checkbox, Stepper)
"""Controls of a panel that decide its chart."""
TRAINED = "The run that is shown: found in the store where it is there, trained where it is not."
PREVIEWED = "What is shown is a preview, which re-quantizes this float model."
ALL_DRAWN = "every chart is drawn, not only the one in front"
OWN = "Your own graph and model are found in the store that they were shown from."


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A piece of code, and what its last line returns.

    Args:
        source: The code.
        value: A figure, plain data, or None for nothing.
    """

    source: str
    value: Any = None


def executed(
    shown: Shown,
    panels: Sequence[tuple[str, widgets.Widget, str]],
    *,
    chosen: Choice | None = None,
    pinned: Shown | None = None,
) -> str:
    """Return a notebook as JSON text: it reads well as it is, and says the same when run again.

    Charts are there as Plotly's data and, for pages that do not know these, as HTML, for which the
    first one brings plotly.js; so it opens offline.

    Args:
        shown: What is shown.
        panels: The explorer's attribute, the panel there, and the panel's attribute that holds the
            chart.
        chosen: The nodes or graphs that all views follow.
        pinned: What is compared with.
    """
    import nbformat

    v4: Any = nbformat.v4
    writes: Any = nbformat.writes
    title = recipe_title(shown.recipe)
    is_own = "own:" in dumps(shown.recipe)
    words = f"# {title}\n\n{MEANING[shown.origin]}" + f"\n\n{OWN}" * is_own
    notebook = v4.new_notebook(
        metadata={"kernelspec": KERNELSPEC, "language_info": {"name": "python"}, "title": title}
    )
    notebook.cells.append(v4.new_markdown_cell(words, id="title"))
    bring_library = True
    for number, cell in enumerate(_cells(shown, panels, chosen, pinned), start=1):
        outputs = []
        if cell.value is not None:
            data = _data(cell.value, bring_library)
            bring_library &= not isinstance(cell.value, go.Figure)
            outputs = [v4.new_output("execute_result", data=data, execution_count=number)]
        notebook.cells.append(
            v4.new_code_cell(
                cell.source, id=f"cell{number}", execution_count=number, outputs=outputs
            )
        )
    text: str = writes(notebook)
    return text


def _cells(
    shown: Shown,
    panels: Sequence[tuple[str, widgets.Widget, str]],
    chosen: Choice | None,
    pinned: Shown | None,
) -> Iterator[Cell]:
    """Yield the code that leads to what is shown, piece by piece."""
    yield Cell(
        source=f"from engine.experiment import complete\nfrom engine.spec import RunSpec, loads\n\n"
        f"recipe = {_source(shown.recipe)}"
    )
    yield _made("recipe", shown)
    opening = "from explorer import Explorer\n\n"
    if pinned is not None:
        yield Cell(source=f"pinned = {_source(pinned.recipe)}")
        yield _made("pinned", pinned)
        opening += "explorer = Explorer(pinned)\nexplorer.answer()\nexplorer.summary.pin.click()\n"
        opening += "explorer.load(recipe)\n"
    else:
        opening += "explorer = Explorer(recipe)\n"
    opening += f'explorer.state.page = ""  # {ALL_DRAWN}\n'
    yield Cell(source=f"{opening}shown = explorer.answer()\nshown.origin", value=shown.origin)
    if chosen is not None:
        kind = type(chosen).__name__
        setting = f"from explorer.chosen import {kind}\n\nexplorer.state.chosen = {chosen!r}\n"
        yield Cell(source=f"{setting}explorer.state.chosen.title", value=chosen.title)
    name = shown.merit.name
    yield Cell(source=f'shown.metrics["{name}"]', value=dict(shown.metrics[name]))
    yield Cell(source='shown.metrics["size"]', value=dict(shown.metrics["size"]))
    for attribute, panel, view in panels:
        path = f"explorer.{attribute}"
        lines = [f"{path}.{setting}" for setting in settings(panel)] if view == "view" else []
        yield Cell(
            source="\n".join([*lines, f"{path}.{view}.figure"]), value=getattr(panel, view).figure
        )


def settings(panel: widgets.Widget) -> list[str]:
    """Return the assignments that set a panel's controls as they are, in the order of its making.

    Args:
        panel: One whose controls all decide its one chart.
    """
    controls = {
        name: control
        for name, control in vars(panel).items()
        if isinstance(control, SETTABLE) and not name.startswith("_")
    }
    return [
        f"{name}.value = {control.value!r}"
        if isinstance(control.value, str | int | float)
        else f"{name}.label = {control.label!r}"
        for name, control in controls.items()
    ]


def _source(recipe: RunSpec) -> str:
    return f'loads(RunSpec, """{dumps(recipe)}""")'


def _made(name: str, shown: Shown) -> Cell:
    """Return the code that makes what an answer needs."""
    if shown.run is not None:
        return Cell(source=f"# {TRAINED}\nrun = complete({name})")
    held = shown.baseline.spec if shown.baseline else float_twin(shown.recipe)
    return Cell(source=f"# {PREVIEWED}\nfloat_run = complete({_source(held)})")


def _data(value: Any, bring_library: bool) -> dict[str, Any]:
    """Return an output in every form that a page may know."""
    if not isinstance(value, go.Figure):
        return {"text/plain": pformat(value, sort_dicts=False)}
    data = figure_json(value)
    how = {"full_html": False, "default_height": "430px", "validate": False}
    return {
        "application/vnd.plotly.v1+json": data,
        "text/html": to_html(data, include_plotlyjs=bring_library, **how),
        "text/plain": value.layout.meta["summary"],
    }
