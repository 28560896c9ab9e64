"""Where the notebook and the precomputed runs lie: in the installed package, or in a checkout."""

from __future__ import annotations

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
"""What a notebook of ours says of its kernel: that of the environment it is opened in."""


class NotPackaged(OSError):
    """Something that comes with the package is not where it was installed."""


def notebook() -> Path:
    """Return the path of the one-line notebook.

    Raises:
        NotPackaged: If it is missing.
    """
    return _packaged("notebooks", "explorer.ipynb")


def stores() -> tuple[Path, ...]:
    """Return the folders of the precomputed runs, none if they were left out."""
    try:
        return (_packaged("assets", "store"),)
    except NotPackaged:
        return ()


def python_path() -> str:
    """Return the ``PYTHONPATH`` with which another process finds our packages, and these ones."""
    return os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))


def jupyter_path() -> str:
    """Return the ``JUPYTER_PATH`` with which Jupyter's programs find what we have for them."""
    return os.pathsep.join(filter(None, (str(HERE / "jupyter"), os.environ.get("JUPYTER_PATH"))))


def _packaged(*parts: str) -> Path:
    places = [home.joinpath(*parts) for home in (HERE, HERE.parent)]
    for place in places:
        if place.exists():
            return place
    raise NotPackaged(f"{'/'.join(parts)} is at neither {places[0]} nor {places[1]}")
