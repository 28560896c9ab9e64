"""What is chosen, as a chart shows it: in full colour, all else faint behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explorer.figures.degree_axis import JITTER, places
from explorer.figures.theme import VERMILLION

BRUSH_ACROSS: dict[str, Any] = {
    "dragmode": "select",
    "selectdirection": "h",
    "newselection": {"line": {"color": VERMILLION, "width": 1.5, "dash": "dot"}},
}
"""Layout of a chart where dragging chooses a range of its horizontal axis."""
BRUSH_BOX = BRUSH_ACROSS | {"selectdirection": "any"}
"""Layout of a chart where dragging chooses the points in a box."""


@dataclass(frozen=True, slots=True, eq=False)
class Focus:
    """Some of the nodes, or graphs, of a chart.

    Args:
        title: What they are, in a few words.
        among: Which they are, [N].
        ends: The smallest and largest degree or size, where they were chosen by it.
    """

    title: str
    among: NDArray[np.bool_]
    ends: tuple[int, int] | None = None

    def shade(self) -> list[dict[str, Any]]:
        """Return the shape behind the range on the axis of degrees, none without a range."""
        if self.ends is None:
            return []
        low, high = places(self.ends)
        return [
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": low * (1 + 1 / max(low, 1)) ** -JITTER,
                "x1": high * (1 + 1 / max(high, 1)) ** JITTER,
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"width": 0},
                "fillcolor": "rgba(213, 94, 0, 0.12)",
            }
        ]
