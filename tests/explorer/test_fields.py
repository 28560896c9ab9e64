"""Controls: what a page can choose in them, and that they go on being heard."""

from __future__ import annotations

import pytest
from traitlets import TraitError

from explorer.fields import choice, integer, unheard


def test_a_page_chooses_one_option_and_never_none() -> None:
    control = choice("Width", [("8", 8), ("4", 4)], 8, "Of codes")
    control.set_state({"index": None})
    assert control.value == 8
    control.set_state({"index": 1})
    assert control.value == 4
    for wrong in (-1, 2, 10**30, "1"):
        with pytest.raises(TraitError):
            control.set_state({"index": wrong})
    assert control.value == 4


def test_a_control_whose_value_is_refused_is_heard_again() -> None:
    heard: list[int] = []
    control = integer("Seed", 1, "Of all")

    def handler(change: dict[str, int]) -> None:
        heard.append(change["new"])

    control.observe(handler, "value")
    with pytest.raises(TraitError), unheard(control, handler):
        control.value = "no number"
    with unheard(control, handler):
        control.value = 2
    control.value = 3
    assert heard == [3]
