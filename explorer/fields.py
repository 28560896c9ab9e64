"""Controls with a visible label tied to them, bound both ways to a field of the recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ipywidgets as widgets

from engine.spec import RunSpec
from explorer.state import State

Options = Sequence[tuple[str, Any]]


class OneOf(widgets.Dropdown):
    """A drop-down list; a page chooses one of its options, and never none of them."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what a page sends."""
        if sync_data.get("index", 0) is not None:
            super().set_state(sync_data)


def choice(label: str, options: Options, value: Any, hint: str) -> widgets.Dropdown:
    """Return a drop-down list of (text, value) pairs, its label above it."""
    return _field(OneOf(description=label, options=options, value=value, tooltip=hint))


def integer(label: str, value: int, hint: str) -> widgets.IntText:
    """Return a box for an integer, its label above it."""
    return _field(widgets.IntText(description=label, value=value, tooltip=hint))


def real(label: str, value: float, step: float, hint: str) -> widgets.FloatText:
    """Return a box for a real number, its label above it."""
    return _field(widgets.FloatText(description=label, value=value, step=step, tooltip=hint))


def words(label: str, value: str, hint: str) -> widgets.Text:
    """Return a box for a few words, taken when it is left, its label above it."""
    box = widgets.Text(description=label, value=value, tooltip=hint, continuous_update=False)
    return _field(box)


def flag(label: str, value: bool, hint: str) -> widgets.Checkbox:
    """Return a check box, its label beside it."""
    box = widgets.Checkbox(description=label, value=value, tooltip=hint, indent=False)
    box.layout.width = "auto"
    return box


@contextmanager
def unheard(control: widgets.ValueWidget, handler: Callable[[Any], None]) -> Iterator[None]:
    """Have a handler that observes a control's value not told what it is set to meanwhile."""
    control.unobserve(handler, "value")
    try:
        yield
    finally:  # a control whose value was refused is heard all the same
        control.observe(handler, "value")


def offer(
    control: widgets.Dropdown, options: Options, otherwise: Any, handler: Callable[[Any], None]
) -> None:
    """Change what a list offers; its value stays where it can.

    A page is told of both at once: between the two a person would choose from a list that stands
    at another option than the one it has.

    Args:
        control: The list.
        options: Its (text, value) pairs from now on.
        otherwise: Its value where the one it has is not among them.
        handler: What observes its value, and is not called for this.
    """
    if list(control.options) != list(options):
        kept = control.value
        with unheard(control, handler), control.hold_sync():
            control.options = options
            control.value = kept if kept in dict(options).values() else otherwise


def small(control: widgets.Widget) -> widgets.Widget:
    """Return a control as wide as a short number, whatever room there is."""
    control.add_class("gb-small")
    return control


def row(*children: widgets.Widget) -> widgets.HBox:
    """Return controls side by side, sharing the width."""
    box = widgets.HBox(children)
    box.add_class("gb-row")
    return box


def html(text: str = "", name: str = "") -> widgets.HTML:
    """Return a piece of HTML, of a class of ``style.css`` where named."""
    piece = widgets.HTML(text)
    if name:
        piece.add_class(name)
    return piece


def close(widget: widgets.Widget) -> None:
    """Close a widget, all that stand in it, and what says how these look, which would stay."""
    for each in tuple(_within(widget)):
        each.close()


def bind(
    control: widgets.ValueWidget,
    state: State,
    read: Callable[[RunSpec], Any],
    write: Callable[[RunSpec, Any], RunSpec],
) -> None:
    """Tie a control to the recipe, both ways; a value that is refused jumps back.

    Args:
        control: The control.
        state: Holds the recipe.
        read: The control's value in a recipe.
        write: The recipe with another value.
    """

    def follow(_: Any = None) -> None:
        with unheard(control, take):
            control.value = read(state.recipe)

    def take(change: dict[str, Any]) -> None:
        if not state.edit(lambda recipe: write(recipe, change["new"])):
            follow()

    control.observe(take, "value")
    state.follow(follow)
    follow()


def _field(control: Any) -> Any:
    control.add_class("gb-field")
    control.layout.width = "auto"
    return control


def _within(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """Yield a widget after all that stand in it, and what says how these look."""
    for child in getattr(widget, "children", ()):
        yield from _within(child)
    yield from (getattr(widget, name) for name in ("layout", "style") if widget.has_trait(name))
    yield widget
