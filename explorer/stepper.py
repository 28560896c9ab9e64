"""A slider over depths that can walk along by itself, in the browser."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Stepper(anywidget.AnyWidget):
    """A slider with a Play button; each place has a name.

    Args:
        label: What it slides over.
        value: Where it stands, from 0.
        most: The last place.
        names: Of the places, [most + 1].
    """

    _esm = Path(__file__).with_name("stepper.js")

    label = traitlets.Unicode("Depth").tag(sync=True)
    value = traitlets.Int(0).tag(sync=True)
    most = traitlets.Int(0).tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
