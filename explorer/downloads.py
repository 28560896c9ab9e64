"""Files that a person takes away: made in the kernel when asked for, saved by the browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anywidget
import traitlets


@dataclass(frozen=True, slots=True)
class Offer:
    """A file on offer.

    Args:
        title: What it holds, in one line.
        file: Its name.
        type: Its media type.
        make: Returns its text; None where there is nothing to take away yet.
    """

    title: str
    file: str
    type: str
    make: Callable[[], str | None]


class Downloads(anywidget.AnyWidget):
    """A row of buttons, each a file.

    Args:
        offers: By the buttons' names.
    """

    _esm = Path(__file__).with_name("download.js")

    offered = traitlets.Dict().tag(sync=True)

    def __init__(self, offers: Mapping[str, Offer]) -> None:
        super().__init__(offered={name: offer.title for name, offer in offers.items()})
        self._offers = offers
        self.on_msg(self._give)

    def _give(self, _: Any, content: Any, __: Any) -> None:
        wanted = content.get("wanted") if isinstance(content, dict) else None
        offer = self._offers.get(wanted) if isinstance(wanted, str) else None
        if offer is None:
            return
        text = offer.make()
        about = {"wanted": wanted, "file": offer.file, "type": offer.type}
        self.send(about, [] if text is None else [text.encode()])
