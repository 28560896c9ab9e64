"""The header: what is being edited, how the worker is, undo, redo, and a link to this recipe."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as widgets
import traitlets

from explorer.captions import recipe_title
from explorer.fields import html
from explorer.jobs import Job, Jobs
from explorer.links import pack
from explorer.state import State


class Link(anywidget.AnyWidget):
    """A field with the page's address for a recipe, and a button that copies it.

    Its browser half sends a message whenever it comes onto a page.

    Args:
        token: The recipe as `explorer.links.pack` wrote it.
    """

    _esm = Path(__file__).parents[1] / "link.js"
    token = traitlets.Unicode().tag(sync=True)


class HeaderPanel(widgets.VBox):
    """One line above everything, and under it what went wrong, if anything.

    Args:
        state: Holds the recipe.
        jobs: The queue, whose worker's state is shown.
    """

    def __init__(self, state: State, jobs: Jobs) -> None:
        self._state, self._jobs = state, jobs
        self.title = html(name="gb-title")
        self.worker = html(name="gb-worker")
        self.undo = widgets.Button(description="Undo", tooltip="Undo the last change of the recipe")
        self.undo.on_click(lambda _: state.undo())
        self.redo = widgets.Button(description="Redo", tooltip="Make the undone change again")
        self.redo.on_click(lambda _: state.redo())
        self.link = Link()
        self.problem = html(name="gb-fault")
        line = widgets.HBox([self.title, self.worker, self.undo, self.redo, self.link])
        line.add_class("gb-header")
        state.observe(self._follow, "recipe")
        state.observe(self._warn, "problem")
        jobs.listen(self._watch)
        super().__init__([line, self.problem])
        self._follow(None)
        self._warn(None)
        self._watch(None)

    def close(self) -> None:
        """Listen to the queue no more."""
        self._jobs.unlisten(self._watch)
        super().close()

    def _follow(self, _: Any) -> None:
        recipe = self._state.recipe
        self.title.value = f"<b>graphbits</b> {escape(recipe_title(recipe))}"
        self.link.token = pack(recipe)
        self.undo.disabled = not self._state.can_undo
        self.redo.disabled = not self._state.can_redo

    def _warn(self, _: Any) -> None:
        self.problem.value = f'<span role="alert">{escape(self._state.problem)}</span>'
        self.problem.layout.display = None if self._state.problem else "none"

    def _watch(self, _: Job | None) -> None:
        state = self._jobs.worker_state
        mark = state.split()[1].rstrip(",")
        self.worker.value = f'<span class="gb-dot gb-dot-{mark}"></span>{escape(state)}'
