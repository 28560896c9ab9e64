"""Serve a published folder: Voila for the pages, a pool of workers behind all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from explorer.jobs import POOL
from explorer.packaged import python_path, stores
from explorer.pool.keeper import Keeper
from explorer.site import SITE, Site
from explorer.zygote import SMALL, ready_kernels


def host(folder: Path, *, port: int | None = None, cluster: str | None = None) -> None:
    """Serve until interrupted or terminated.

    Args:
        folder: Made by `explorer.publish.publish`.
        port: Where to listen, instead of where the folder's settings say.
        cluster: Address of the scheduler of a Dask cluster that trains; None for this machine.

    Raises:
        NoSite: If the folder is none.
        SpecError: If its bounds are none.
    """
    from explorer.pages import Pages

    site = Site(folder.resolve())
    bounds, notebook = site.bounds, site.notebook
    site.visitors.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="graphbits-") as place:
        os.environ |= {
            SITE: str(site.folder),
            POOL: str(Path(place, "pool")),
            "GRAPHBITS_STORE": str(site.visitors),
            "IPYTHONDIR": str(Path(place, "ipython")),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_RUNTIME_DIR": str(Path(place, "runtime")),
            "PYTHONPATH": python_path(),
        }
        shipped = (*stores(), site.store)
        address = Path(os.environ[POOL])
        with Keeper(address, site.visitors, shipped, site.bounds_file, cluster):
            os.environ |= SMALL  # kernels preview, workers train
            with ready_kernels():
                Pages.launch_instance(
                    argv=[
                        str(notebook),
                        f"--Voila.root_dir={site.page}",
                        f"--Voila.config_file_paths={site.folder}",
                        *([] if port is None else [f"--Voila.port={port}"]),
                        f"--MappingKernelManager.cull_idle_timeout={bounds.idle_s}",
                        f"--Visitors.most={bounds.visitors}",
                    ]
                )
            print("The server has ended.", file=sys.stderr)
