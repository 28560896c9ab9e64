"""The numbers that matter most, where they come from, and whether they are of this recipe."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np

from explorer.captions import (
    latency,
    recipe_title,
    scheme_title,
    size,
    told,
    told_change,
    training_title,
)
from explorer.differences import differences
from explorer.fields import html
from explorer.figures.chart import short
from explorer.figures.results import number_at
from explorer.shown import MEANING, Shown
from explorer.state import WORKING, State

PIN = "Keep this to compare with: cards, charts and settings then show what differs from it"
MOST_DIFFERENCES = 4
"""Settings listed in the line over the cards; hovering shows all."""
AGREEMENT = "agreement.codes_different"
PINNED = {"accuracy": "pinned", "mae": "pinned, MAE"}
"""What is said of the float run that others are compared with."""
FLOAT_STAGES = {"coefficient": "softmax", "group_share": "softmax of groups", "output": "scores"}
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
        self.pin = widgets.Button(tooltip=PIN)
        self.pin.on_click(self._toggle)
        self.compared = html(name="gb-note")
        line = widgets.HBox([self.origin, self.pin])
        line.add_class("gb-said")
        state.observe(self._follow, ["shown", "status", "pinned"])
        super().__init__([line, self.compared, self.cards])
        self.add_class("gb-summary")
        self._follow(None)

    def _toggle(self, _: Any) -> None:
        self._state.pinned = None if self._state.pinned is not None else self._state.shown

    def _say_pinned(self) -> None:
        """Say what is pinned, and in which settings what is shown differs from it."""
        shown, pinned = self._state.shown, self._state.pinned
        self.pin.description = "Pin to compare" if pinned is None else "Unpin"
        self.pin.disabled = shown is None
        self.compared.layout.display = "none" if pinned is None else None
        self.compared.value = "" if pinned is None else comparison(pinned, shown)

    def _follow(self, _: Any) -> None:
        self._say_pinned()
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
        self.cards.value = cards(shown, self._state.pinned)


def comparison(pinned: Shown, shown: Shown | None) -> str:
    """Return what is pinned and the settings that differ from it, as one line of HTML."""
    found = [] if shown is None else differences(pinned.recipe, shown.recipe)
    listed = "; ".join(map(str, found[:MOST_DIFFERENCES]))
    more = f"; and {len(found) - MOST_DIFFERENCES} more" if len(found) > MOST_DIFFERENCES else ""
    said = f"Differs in {listed}{more}." if found else "What is shown is the same recipe."
    every = escape("; ".join(map(str, found)), quote=True)
    name = f"{pinned.origin}, {recipe_title(pinned.recipe)}"
    return (
        f'<span class="gb-chip" title="{escape(name, quote=True)}">pinned: '
        f'{escape(scheme_title(pinned.recipe))}</span> <span title="{every}">{escape(said)}</span>'
    )


def cards(shown: Shown, compared: Shown | None = None) -> str:
    """Return the numbers of what is shown as HTML, each with its difference from another.

    Args:
        shown: What is shown.
        compared: What is pinned; None to compare with the float run.
    """
    if compared is not None:
        return _deltas(shown, compared)
    metrics, merit = shown.metrics, shown.merit
    place = f"{merit.name}.integer"
    pinned = number_at(shown.baseline.metrics, place) if shown.baseline else None
    integer = number_at(metrics, place)
    simulated = number_at(metrics, f"{merit.name}.simulated")
    model, float_model = (number_at(metrics, f"size.{n}_bytes") for n in ("model", "float_model"))
    fast, slow = (number_at(metrics, f"latency.{n}_ms") for n in ("integer", "float"))
    differ = number_at(metrics, AGREEMENT)
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
            fast and latency(fast),
            trained or (f"float {latency(slow)}" if slow else ""),
        ),
        _card("Scores' error", short(float(np.median(error))), "median, L2"),
        _card("Float stages", str(len(stages)), float_stages_note(stages)),
    ]
    return "".join(parts)


def _deltas(shown: Shown, pinned: Shown) -> str:
    """Return cards whose notes say how the pinned number became this one."""
    merit = shown.merit
    parts = []
    for title, place in (
        *(("Float weights", f"{merit.name}.float"), ("Integer", f"{merit.name}.integer")),
        *(("Simulated", f"{merit.name}.simulated"), ("Codes differ", AGREEMENT)),
        *(("Model", "size.model_bytes"), ("Latency", "latency.integer_ms")),
    ):
        now, before = (number_at(of.metrics, place) for of in (shown, pinned))
        if place.startswith(merit.name):
            value = None if now is None else told(merit, now)
            note = "" if None in (now, before) else told_change(merit, now or 0, before or 0)
        elif place == AGREEMENT:
            value = None if now is None else f"{100 * now:.3g} %"
            note = "" if before is None else f"was {100 * before:.3g} %"
        else:
            write = size if place.startswith("size") else latency
            value = None if now is None else write(now)
            note = _times(now, before)
        parts.append(_card(title, value, note or "after training"))
    now, before = (float(np.median(of.analysis.error(of.last))) for of in (shown, pinned))
    parts.append(_card("Scores' error", short(now), _times(now, before)))
    stages, old = (len(of.metrics.get("float_stages", ())) for of in (shown, pinned))
    parts.append(_card("Float stages", str(stages), f"were {old}" if stages != old else "the same"))
    return "".join(parts)


def _times(now: float | None, before: float | None) -> str:
    """Return how many times as much a number is as the pinned one was."""
    if not now or not before:
        return ""
    if now == before:
        return "the same"
    return f"{short(now / before)}× more" if now > before else f"{short(before / now)}× less"


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
