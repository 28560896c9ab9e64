"""Draws what is looked at, and leaves what lies behind another tab until it comes to the front."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from explorer.state import State


def is_seen(state: State, page: str) -> bool:
    """Return whether a page is in front, or panels are shown alone, where each is seen."""
    return state.page in ("", page)


def draw_when_seen(
    state: State, page: str, draw: Callable[[Any], object], traits: Sequence[str]
) -> None:
    """Call what draws now and after a trait has changed: on the page in front, else when it comes.

    Args:
        state: Holds the traits, and which page is in front.
        page: The page that is drawn; a panel shown alone, where no page is in front, always is.
        draw: What draws it; it is given the change, and None at first.
        traits: The traits it depends on.
    """
    behind = not is_seen(state, page)

    def follow(change: dict[str, Any]) -> None:
        nonlocal behind
        if is_seen(state, page):
            behind = False
            draw(change)
        else:
            behind = True

    def come(change: dict[str, Any]) -> None:
        if behind and change["new"] in ("", page):
            follow(change)

    state.observe(follow, list(traits))
    state.observe(come, "page")
    if not behind:
        draw(None)
