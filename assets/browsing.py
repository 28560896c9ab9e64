"""The explorer served for a while, and opened in Debian's Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parent.parent
START_WITHIN_S = 300
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/(?:\S*token=\w+)?")
PATIENCE_MS = 120_000


class Command:
    """A running ``graphbits explore``.

    Args:
        folder: Where it runs, with a store and settings of its own.
        options: Its options.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.log = folder / "explore.log"
        # JupyterLab asks at its first start whether it may fetch news, over what is to be clicked.
        settings = folder / "config" / "labconfig" / "page_config.json"
        settings.parent.mkdir(parents=True)
        quiet = {"@jupyterlab/apputils-extension:announcements": True}
        settings.write_text(json.dumps({"disabledExtensions": quiet}))
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine", "explore", "--no-browser", *options],
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "GRAPHBITS_STORE": str(folder / "store"),
                    "JUPYTER_CONFIG_DIR": str(folder / "config"),
                    "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
                },
                stdout=out,
                stderr=out,
            )

    @property
    def address(self) -> str:
        """The address it printed, once something answers there."""
        until = time.monotonic() + START_WITHIN_S
        while time.monotonic() < until and self.process.poll() is None:
            found = ADDRESS.search(self.log.read_text())
            # The page itself would start a kernel.
            if found and answers(found[0].split("?")[0] + "voila/static/"):
                return found[0]
            time.sleep(0.1)
        raise AssertionError(self.log.read_text()[-3000:])

    def descendants(self) -> set[int]:
        """Return the process ids of its kernels and their workers."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                parents[int(status.parent.name)] = int(
                    status.read_text().rsplit(")", 1)[1].split()[1]
                )
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}

    def end(self) -> None:
        """End it, and wait until it has."""
        self.process.terminate()
        self.process.wait(20)


def answers(url: str) -> bool:
    """Return whether something answers at an address, if only with an error."""
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def arrive(page: Page, address: str) -> None:
    """Open the explorer, and wait until its first chart is drawn; JupyterLab's notebook is run."""
    page.goto(address)
    if "token=" in address:
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".graphbits-chart .main-svg").first.wait_for()
    page.get_by_text("worker ready").wait_for()


@contextmanager
def explorer(*options: str) -> Iterator[str]:
    """Serve the explorer with an empty store and yield its address."""
    with TemporaryDirectory(prefix="graphbits-served-") as place:
        command = Command(Path(place), *options)
        try:
            yield command.address
        finally:
            command.end()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def opened(browser: Browser, address: str, width: int = 1280, height: int = 800) -> Page:
    """Return a page of the explorer in a window of this size, once its first chart is drawn."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(PATIENCE_MS)
    arrive(page, address)
    return page
