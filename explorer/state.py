"""What the explorer is about: the recipe being edited, what is shown for it, the node picked.

Panels read these traits, observe them, and change the recipe through `State.edit`; nothing else
passes between panels.
"""

from __future__ import annotations

from collections.abc import Callable

import traitlets

from engine.graphs.graph import Graph
from engine.spec import RunSpec, SpecError
from explorer.bounds import OWN_MACHINE, Bounds
from explorer.chosen import Choice
from explorer.faults import guarded
from explorer.pace import Deferred
from explorer.rules import RANGES, ranges_of
from explorer.shown import Shown

WORKING = "Working out what this recipe does …"
SECOND_THOUGHTS = 100
"""Edits that can be undone."""


class State(traitlets.HasTraits):
    """The traits that panels share.

    Args:
        recipe: The run being edited.
        bounds: What a recipe may ask for here.
    """

    recipe = traitlets.Instance(RunSpec)
    """The run that Start would train."""
    graph = traitlets.Instance(Graph, allow_none=True, default_value=None)
    """The recipe's graph; None while it is not loaded."""
    shown = traitlets.Instance(Shown, allow_none=True, default_value=None)
    """What charts and tables show; None while there is nothing."""
    status = traitlets.Unicode("")
    """Why what is shown is not of this recipe; empty when it is."""
    problem = traitlets.Unicode("")
    """What was wrong with the last edit; empty when it was taken."""
    finished = traitlets.Int(0)
    """Runs that finished in this session."""
    searched = traitlets.Int(0)
    """How often a search of this session came to know something."""
    node = traitlets.Int(None, allow_none=True)
    """The node picked, of what is measured."""
    member = traitlets.Int(None, allow_none=True)
    """The graph picked, of those of a set that are measured."""
    chosen: traitlets.Instance[Choice | None] = traitlets.Instance(
        "explorer.chosen.Choice", allow_none=True, default_value=None
    )
    """The nodes or graphs that all views follow; None for all."""
    pinned = traitlets.Instance(Shown, allow_none=True, default_value=None)
    """What is compared with; None for the float run alone."""
    page = traitlets.Unicode("")
    """The title of the page in front; empty where panels are shown alone."""
    ranges = traitlets.Enum(RANGES, default_value="degree-quant")
    """The scheme that a component's range and gradient rules come from when it gets a width."""

    def __init__(self, recipe: RunSpec, bounds: Bounds = OWN_MACHINE) -> None:
        self._controls: list[Callable[[None], object]] = []
        self._lagging = Deferred(self._show_controls)
        super().__init__(recipe=recipe)
        self.bounds = bounds
        self._past: list[RunSpec] = []
        self._future: list[RunSpec] = []
        self.ranges = ranges_of(recipe) or "degree-quant"

    def follow(self, control: Callable[[None], object]) -> None:
        """Have a control shown anew after each change of the recipe, the charts first.

        A change may concern a hundred controls, and the page takes as long for them as for a chart.

        Args:
            control: Shows it as the recipe is then; called in the order in which they came.
        """
        self._controls.append(control)

    def charted(self) -> None:
        """Say that the charts of the recipe were sent; the controls come once they are drawn."""
        self._lagging.begin()

    def catch_up(self) -> None:
        """Have the controls shown as the recipe is, where they still wait for the charts."""
        self._lagging.now()

    @traitlets.observe("recipe")
    def _defer_controls(self, _: object) -> None:
        self._lagging.ask()

    def _show_controls(self) -> None:
        for control in self._controls:
            guarded(control, None)

    def edit(self, change: Callable[[RunSpec], RunSpec]) -> bool:
        """Change the recipe, or keep it and say in `problem` what was wrong.

        Args:
            change: The new recipe for the old one.

        Returns:
            Whether the change was taken.
        """
        try:
            recipe = change(self.recipe)
            self.bounds.check(recipe)
        except SpecError as error:
            self.problem = f"{error}. The recipe stays as it was."
            return False
        self.problem = ""
        if recipe != self.recipe:
            self._past = [*self._past[1 - SECOND_THOUGHTS :], self.recipe]
            self._future = []
            self._take(recipe)
        return True

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to undo."""
        return bool(self._past)

    def undo(self) -> None:
        """Go back to the recipe before the last edit, if there was one."""
        if self._past:
            self.problem = ""
            self._future.append(self.recipe)
            self._take(self._past.pop())

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone edit to make again."""
        return bool(self._future)

    def redo(self) -> None:
        """Go forward to the recipe that was undone last, if there is one."""
        if self._future:
            self.problem = ""
            self._past.append(self.recipe)
            self._take(self._future.pop())

    def _take(self, recipe: RunSpec) -> None:
        with self.hold_trait_notifications():
            if recipe.graph != self.recipe.graph:
                self.node = self.member = self.graph = self.chosen = None
            self.ranges = ranges_of(recipe) or self.ranges
            self.recipe = recipe
