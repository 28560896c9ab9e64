"""A published folder: what lies where in it.

    page/          the notebook; the one folder that Voila sees
    store/         runs made beforehand, only read
    visitors/      what visitors train; the graphs and models that recipes name lie here too
    bounds.json    what visitors may ask for
    voila.json     settings of Voila
    README.md      how to start it

A process knows by its environment which one it serves, if any.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engine.spec import loads
from explorer.bounds import Bounds

SITE = "GRAPHBITS_SITE"
"""Names the folder that a process serves."""


class NoSite(OSError):
    """A folder is none that was published."""


@dataclass(frozen=True, slots=True)
class Site:
    """One published folder.

    Args:
        folder: Where it is.
    """

    folder: Path

    @property
    def page(self) -> Path:
        """The folder of the notebook."""
        return self.folder / "page"

    @property
    def notebook(self) -> Path:
        """The notebook.

        Raises:
            NoSite: If it is missing.
        """
        found = sorted(self.page.glob("*.ipynb"))
        if len(found) != 1:
            raise NoSite(f"{self.page} holds {len(found)} notebooks, wanted the one to serve")
        return found[0]

    @property
    def store(self) -> Path:
        """The folder of the runs made beforehand."""
        return self.folder / "store"

    @property
    def visitors(self) -> Path:
        """The folder of the visitors' runs."""
        return self.folder / "visitors"

    @property
    def settings(self) -> Path:
        """Voila's settings."""
        return self.folder / "voila.json"

    @property
    def bounds_file(self) -> Path:
        """What visitors may ask for."""
        return self.folder / "bounds.json"

    @property
    def bounds(self) -> Bounds:
        """The same, read.

        Raises:
            NoSite: If the file cannot be read.
            SpecError: If it holds something else.
        """
        try:
            text = self.bounds_file.read_text(encoding="utf-8")
        except OSError as error:
            what = "it holds no bounds.json, as a folder made by `graphbits publish` does"
            raise NoSite(f"{self.folder} cannot be served: {what} ({error.strerror})") from None
        return loads(Bounds, text)


def served() -> Site | None:
    """Return the published folder that this process serves; None on a person's own machine."""
    folder = os.environ.get(SITE)
    return Site(Path(folder)) if folder else None
