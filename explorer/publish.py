"""Write a folder that is ready to be served to strangers: ``graphbits publish``."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.graphs.catalogue import (
    EMBEDDED,
    EMBEDDED_SETS,
    PUBLIC,
    PUBLIC_SETS,
    GraphNotFound,
    kept_at,
)
from engine.runs import store_folder
from engine.spec import OwnModel, RunSpec, loads
from explorer.bounds import Bounds
from explorer.captions import recipe_title
from explorer.links import pack
from explorer.packaged import HERE, KERNELSPEC, notebook, stores
from explorer.precompute import neighbours, precompute, tidy
from explorer.serve import HOST, PORT
from explorer.site import Site
from explorer.visitors import MOST_MESSAGE_BYTES

MOST_RECIPE_BYTES = 1_000_000
MOST_NOTEBOOK_BYTES = 20_000_000


class NotPublishable(ValueError):
    """What shall be published cannot be; the text says why."""


def publish(
    folder: Path,
    page: Path | None = None,
    recipes: Sequence[RunSpec] = (),
    *,
    token: str | None = None,
    cluster: str | None = None,
) -> Site:
    """Write a folder ready to serve, all of it or nothing.

    Args:
        folder: A new one, or an empty one.
        page: The notebook to serve; None for one that opens the explorer with the first recipe, or
            as it always opens if there is none.
        recipes: What is trained beforehand, each with its `neighbours`.
        token: What a visitor has to know; None to let everyone in.
        cluster: Address of the scheduler of a Dask cluster that trains; None for this machine.

    Raises:
        NotPublishable: If the folder holds something, the notebook is none, or a run fails.
        GraphNotFound: If a recipe's own graph is not kept on this machine.
        OSError: If something cannot be read or written.
    """
    source = _blank(notebook() if page is None else page)
    if page is None and recipes:
        opening = f'from explorer import Explorer\n\nExplorer("{pack(recipes[0])}")'
        source["cells"][0]["source"] = opening
    if folder.exists() and any(folder.iterdir()):
        raise NotPublishable(f"{folder} holds something already; name a new folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        half = Site(Path(place, "site"))
        for part in (half.page, half.store, half.visitors):
            part.mkdir(parents=True)
        _bring_own(recipes, half.visitors)
        wanted = dict.fromkeys(near for recipe in recipes for near in neighbours(recipe))
        _make(half, list(wanted), cluster)
        bounds = json.dumps(asdict(_bounds(recipes)), indent=2)
        settings = json.dumps(_settings(token), indent=2)
        _write(half.page / "explorer.ipynb", json.dumps(source, indent=1))
        _write(half.bounds_file, bounds)
        _write(half.settings, settings, secret=token is not None)
        _write(half.folder / "README.md", (HERE / "published.md").read_text(encoding="utf-8"))
        half.folder.rename(folder)
    return Site(folder)


def new_token() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def read_recipe(path: Path) -> RunSpec:
    """Return the recipe in a JSON file, as the explorer's page *Recipe* gives it.

    Raises:
        NotPublishable: If the file is too large for one.
        SpecError: Naming what is wrong in it.
        OSError: If it cannot be read.
    """
    return loads(RunSpec, _read(path, MOST_RECIPE_BYTES, "recipe"))


def _make(site: Site, wanted: Sequence[RunSpec], cluster: str | None) -> None:
    """Have runs made; what their workers need, and people brought, stays with the visitors' runs.

    Raises:
        NotPublishable: If one does not finish.
    """
    if not wanted:
        return
    try:
        precompute(site.visitors, wanted, stores(), cluster)
    except RuntimeError as error:
        raise NotPublishable(str(error)) from None
    tidy(site.visitors, wanted)
    if (site.visitors / "runs").exists():
        (site.visitors / "runs").rename(site.store / "runs")


def _bounds(recipes: Sequence[RunSpec]) -> Bounds:
    """Return the usual bounds, wide enough for what is published."""
    shapes = [recipe.model for recipe in recipes if not isinstance(recipe.model, OwnModel)]
    usual = Bounds()
    return Bounds(
        graphs=tuple(
            dict.fromkeys((*EMBEDDED, *EMBEDDED_SETS, *(recipe.graph.name for recipe in recipes)))
        ),
        models=tuple(dict.fromkeys(r.model.name for r in recipes if isinstance(r.model, OwnModel))),
        nodes=max(usual.nodes, *(recipe.graph.nodes or 0 for recipe in recipes), 0),
        layers=max(usual.layers, *(shape.layers for shape in shapes), 0),
        hidden=max(usual.hidden, *(shape.hidden for shape in shapes), 0),
        steps=max(usual.steps, *(shape.propagated for shape in shapes), 0),
        epochs=max(usual.epochs, *(recipe.training.epochs for recipe in recipes), 0),
    )


def _settings(token: str | None) -> dict[str, Any]:
    """Return Voila's settings."""
    return {
        "Voila": {
            "ip": HOST,
            "port": PORT,
            "port_retries": 0,
            "base_url": "/",
            "open_browser": False,
            "token": token,
            "identity_provider_class": "explorer.entrance.Entrance",
            "kernel_websocket_connection_class": "explorer.visitors.Connection",
            "tornado_settings": {"websocket_max_message_size": MOST_MESSAGE_BYTES},
        },
        "VoilaConfiguration": {
            "theme": "light",
            "allow_theme_override": "YES",
            "allow_template_override": "NO",
            "strip_sources": True,
            "show_tracebacks": False,
            "file_allowlist": [],
            "file_denylist": [".*"],
            "multi_kernel_manager_class": "explorer.visitors.Visitors",
        },
        # Kernels are spoken to through files that this user alone can open, not over ports.
        "ConnectionFileMixin": {"transport": "ipc"},
        "MappingKernelManager": {"cull_interval": 20, "cull_connected": True},
        "Visitors": {"gone_after_s": 120},
        "Application": {"log_level": "WARN"},
    }


def _blank(path: Path) -> dict[str, Any]:
    """Return a notebook's JSON without outputs, widgets' state or anything that names a machine.

    Raises:
        NotPublishable: If it is no notebook.
        OSError: If it cannot be read.
    """
    text = _read(path, MOST_NOTEBOOK_BYTES, "notebook")
    try:
        held = json.loads(text)
        cells = [_blank_cell(cell, at) for at, cell in enumerate(held["cells"])]
        format_ = {name: int(held[name]) for name in ("nbformat", "nbformat_minor")}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"it is no notebook ({type(error).__name__}: {error})"
        raise NotPublishable(f"{path}: {what}") from None
    if not any(cell["cell_type"] == "code" for cell in cells):
        raise NotPublishable(f"{path} has no code, so there is nothing to serve")
    return {"cells": cells, "metadata": {"kernelspec": KERNELSPEC}, **format_}


def _blank_cell(cell: Any, at: int) -> dict[str, Any]:
    kind = str(cell["cell_type"])
    source = "".join(cell["source"])
    bare: dict[str, Any] = {"id": f"cell{at}", "cell_type": kind, "metadata": {}, "source": source}
    return bare | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def _bring_own(recipes: Sequence[RunSpec], folder: Path) -> None:
    """Copy what recipes name by its content, and public graphs that are kept already.

    Raises:
        GraphNotFound: If a person's own graph is not kept on this machine.
        OSError: If something cannot be copied.
    """
    for name in dict.fromkeys(recipe.graph.name for recipe in recipes):
        if name in EMBEDDED + EMBEDDED_SETS:
            continue
        kept = kept_at(name, store_folder())
        if kept.exists():
            _copy(kept, kept_at(name, folder))
        elif name not in PUBLIC + PUBLIC_SETS:
            raise GraphNotFound(f"the graph {name[:16]}… is not kept in {kept.parent}")
    for recipe in recipes:
        if isinstance(recipe.model, OwnModel):
            file = Path("models", f"{recipe.model.name.removeprefix('own:')}.npz")
            _copy(store_folder() / file, folder / file)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _read(path: Path, most_bytes: int, what: str) -> str:
    if path.stat().st_size > most_bytes:
        raise NotPublishable(f"{path} has {path.stat().st_size:,} bytes, too many for a {what}")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotPublishable(f"{path} is no {what}: it holds no text") from None


def _write(path: Path, text: str, *, secret: bool = False) -> None:
    path.touch(mode=0o600 if secret else 0o644)
    path.write_text(text.rstrip() + "\n", encoding="utf-8")


def told(site: Site, recipes: Sequence[RunSpec], token: str | None) -> str:
    """Return what was written and how to serve it, in a few lines."""
    opens = f"opens with {recipe_title(recipes[0])}" if recipes else "opens as the explorer does"
    runs = sum(1 for _ in site.store.glob("runs/*"))
    lines = [
        f"{site.folder} is ready; it {opens}.",
        f"{runs} runs were made beforehand besides those that come with graphbits.",
        f"Serve it: graphbits serve {site.folder}",
        f"Bounds of visitors: {site.bounds_file}. Behind a proxy: {site.folder / 'README.md'}.",
    ]
    if token is not None:
        lines.append(f"The token is in {site.settings}; a link with it: http://…/?token={token}")
    return "\n".join(lines)
