"""The recipe as text: its JSON, both ways, and the Python that repeats the run."""

from __future__ import annotations

from dataclasses import fields, replace
from html import escape
from typing import Any

import ipywidgets as widgets

from engine.spec import OwnModel, RunSpec, SpecError, dumps, loads, scheme
from explorer.fields import html, row
from explorer.presets import CUSTOM, PRESETS, preset_of
from explorer.state import State

EXPLANATION = (
    "The recipe is everything that decides the run. Edit or paste JSON and press Apply to load it; "
    "fields left out have their defaults."
)


class RecipePanel(widgets.VBox):
    """JSON of the recipe, editable, beside the Python for it.

    Args:
        state: Holds the recipe.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.json = widgets.Textarea(
            description="JSON", tooltip="Everything that decides the run; change it and apply it"
        )
        self.python = widgets.Textarea(
            description="Python", tooltip="Code that makes the same recipe", disabled=False
        )
        self.key = html(name="gb-note")
        self.apply = widgets.Button(
            description="Apply JSON",
            button_style="primary",
            tooltip="Take what the box says as the recipe",
        )
        self.apply.on_click(self._apply)
        self.revert = widgets.Button(
            description="Back to the recipe", tooltip="Forget what was typed into the box"
        )
        self.revert.on_click(self._follow)
        self.fault = html(name="gb-fault")
        for area in (self.json, self.python):
            area.add_class("gb-field")
            area.add_class("gb-code")
        state.follow(self._follow)
        super().__init__(
            [
                html(EXPLANATION, "gb-note"),
                row(self.json, self.python),
                row(self.apply, self.revert, self.key),
                self.fault,
            ]
        )
        self.add_class("gb-tab")
        self.add_class("gb-recipe")
        self._follow(None)

    def _follow(self, _: Any) -> None:
        recipe = self._state.recipe
        self.json.value = dumps(recipe)
        self.python.value = python_for(recipe)
        self.key.value = f"Key of this run: <code>{recipe.key[:12]}</code>"
        self.fault.value = ""

    def _apply(self, _: Any) -> None:
        try:
            recipe = loads(RunSpec, self.json.value)
        except SpecError as error:
            self.fault.value = f"<b>Not applied.</b> {_quoted(error)}"
            return
        self.fault.value = ""
        self._state.edit(lambda _: recipe)
        self._follow(None)


def python_for(recipe: RunSpec) -> str:
    """Return the Python that repeats a run: a scheme's call where that says it all, else JSON."""
    names, made = _scheme_call(recipe) or (
        ["RunSpec", "loads"],
        f'loads(RunSpec, """{dumps(recipe)}""")',
    )
    return f"""from engine import experiment
from engine.runs import RunStore
from engine.spec import {", ".join(names)}

recipe = {made}
for event in experiment.run(recipe, RunStore()):
    print(event)
"""


def _scheme_call(recipe: RunSpec) -> tuple[list[str], str] | None:
    """Return the names and the call of `scheme` that make a recipe, if one does."""
    preset = preset_of(recipe)
    if preset == CUSTOM or isinstance(recipe.model, OwnModel):
        return None
    name, bits, differing = PRESETS[preset]
    training = recipe.training
    if training.mode != "finetune":
        training = replace(training, mode="retrain")
    made = scheme(
        name,
        bits=bits,
        component_bits=differing,
        training=training,
        seed=recipe.seed,
        graph=recipe.graph,
        model=recipe.model,
    )
    if made != recipe:
        return None
    parts: dict[str, Any] = {"graph": recipe.graph, "model": recipe.model, "training": training}
    changed = {n: v for n, v in parts.items() if v != type(v)()}
    arguments = [repr(name)]
    arguments += [f"bits={bits}"] if name != "float" else []
    arguments += [f"component_bits={differing!r}"] if differing else []
    arguments += [f"{part}={_source(value)}" for part, value in changed.items()]
    arguments += [f"seed={recipe.seed}"] if recipe.seed else []
    call = "scheme(\n    " + ",\n    ".join(arguments) + ",\n)"
    return [*sorted(type(value).__name__ for value in changed.values()), "scheme"], call


def _source(value: Any) -> str:
    """Return the Python that makes a frozen value, fields that hold their default left out."""
    given = (
        f"{field.name}={getattr(value, field.name)!r}"
        for field in fields(value)
        if getattr(value, field.name) != field.default
    )
    return f"{type(value).__name__}({', '.join(given)})"


def _quoted(error: SpecError) -> str:
    return (
        f"<code>{escape(error.field)}</code>: got {escape(repr(error.got)[:80])}, "
        f"accepts {escape(error.accepts)}."
    )
