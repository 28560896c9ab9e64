"""The numbers that matter most, where they come from, and whether they are of this recipe."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from explorer.captions import recipe_title, size, told, told_change, training_title
from explorer.fields import html
from explorer.figures.chart import short
from explorer.figures.results import number_at
from explorer.shown import MEANING, Shown
from explorer.state import WORKING, State

PINNED = {"accuracy": "pinned", "mae": "pinned, MAE"}
"""What is said of the float run that others are compared with."""
FLOAT_STAGES = {"coefficient": "softmax", "output": "scores"}
"""What is computed in float, or held in it, by the slot it fills, where all else is quantized."""


class SummaryPanel(widgets.VBox):
    """One line of cards over the charts, and one line on what they show.

    Args:
        state: Holds what is shown.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.cards = html(name="gb-cards")
        self.cards.add_class("gb-follows")
        self.origin = html(name="gb-origin")
        state.observe(self._follow, ["shown", "status"])
        super().__init__([self.origin, self.cards])
        self.add_class("gb-summary")
        self._follow(None)

    def _follow(self, _: Any) -> None:
        shown, status = self._state.shown, self._state.status
        if shown is None:
            self.origin.value = (
                f'<span class="gb-badge gb-badge-none">nothing yet</span> {escape(status)}'
            )
            self.cards.value = ""
            return
        if status:
            note = status
            badge = (
                '<span class="gb-badge gb-badge-stale">out of date</span>'
                if shown.recipe != self._state.recipe
                else ""
            )
            if status != WORKING:
                note += f" Below, still: {recipe_title(shown.recipe)}."
        else:
            note = MEANING[shown.origin]
            if shown.origin == "preview" and shown.is_baseline_other and shown.baseline:
                note += f" Float model: {training_title(shown.baseline.spec)}."
            badge = ""
        self.origin.value = (
            f'<span class="gb-badge gb-badge-{shown.origin}">{shown.origin}</span>{badge} '
            f'<span role="status">{escape(note)}</span>'
        )
        self.cards.value = cards(shown)


def cards(shown: Shown) -> str:
    """Return the numbers of what is shown as HTML, each with its difference from the float run."""
    metrics, merit = shown.metrics, shown.merit
    place = f"{merit.name}.integer"
    pinned = number_at(shown.baseline.metrics, place) if shown.baseline else None
    integer = number_at(metrics, place)
    simulated = number_at(metrics, f"{merit.name}.simulated")
    model, float_model = (number_at(metrics, f"size.{n}_bytes") for n in ("model", "float_model"))
    fast, slow = (number_at(metrics, f"latency.{n}_ms") for n in ("integer", "float"))
    differ = number_at(metrics, "agreement.codes_different")
    error = shown.analysis.error(shown.last)
    stages = metrics.get("float_stages", ())
    trained = "" if shown.run else "after training"
    change = "" if pinned is None or integer is None else told_change(merit, integer, pinned)
    parts = [
        _card(
            "FP32",
            None if pinned is None else told(merit, pinned),
            "other training" if shown.is_baseline_other else PINNED[merit.name],
        ),
        _card("Integer", None if integer is None else told(merit, integer), change),
        _card(
            "Simulated",
            None if simulated is None else told(merit, simulated),
            trained or "fake-quantized",
        ),
        _card(
            "Codes differ",
            None if differ is None else f"{100 * differ:.3g} %",
            trained or "of simulated",
        ),
        _card(
            "Model",
            model and size(model),
            f"{short(float_model / model)}× less" if model and float_model else "",
        ),
        _card(
            "Latency",
            fast and f"{short(fast)} ms",
            trained or (f"float {short(slow)} ms" if slow else ""),
        ),
        _card("Scores' error", short(float(np.median(error))), "median, L2"),
        _card("Float stages", str(len(stages)), float_stages_note(stages)),
    ]
    return "".join(parts)


def float_stages_note(stages: Sequence[str]) -> str:
    """Return which stages of the integer path compute in float, where they are of few kinds.

    Args:
        stages: Names, each a layer's index, a dot and a slot.
    """
    kinds = dict.fromkeys(stage.split(".")[1] for stage in stages)
    if kinds and kinds.keys() <= FLOAT_STAGES.keys():
        return ", ".join(FLOAT_STAGES[kind] for kind in kinds)
    return "integer path"


def _card(title: str, value: str | float | None, note: str) -> str:
    text = "–" if value is None else escape(str(value))
    return (
        f'<div class="gb-card"><div class="gb-card-title">{escape(title)}</div>'
        f'<div class="gb-card-value">{text}</div>'
        f'<div class="gb-card-note">{escape(note)}</div></div>'
    )
