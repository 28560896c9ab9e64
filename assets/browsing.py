"""The explorer served for a while, and opened in Debian's Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
START_WITHIN_S = 300
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/(?:\S*token=\w+)?")


@contextmanager
def explorer(*options: str) -> Iterator[str]:
    """Serve the explorer with an empty store and yield its address."""
    with TemporaryDirectory(prefix="graphbits-served-") as place:
        log = Path(place, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "engine", "explore", "--no-browser", *options],
                cwd=place,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "GRAPHBITS_STORE": str(Path(place, "store")),
                    "JUPYTER_CONFIG_DIR": str(Path(place, "config")),
                },
                stdout=out,
                stderr=out,
            )
        try:
            until = time.monotonic() + START_WITHIN_S
            while not (found := ADDRESS.search(log.read_text())) or not answers(found[0]):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit(f"The explorer did not start: {log.read_text()[-1000:]}")
                time.sleep(0.2)
            yield found[0]
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    """Return whether something answers at an address, if only with an error."""
    try:  # the page itself would start a kernel
        urllib.request.urlopen(url.split("?")[0] + "voila/static/", timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def opened(browser: Browser, address: str, width: int = 1280, height: int = 800) -> Page:
    """Return a page once its charts are drawn; in JupyterLab, its notebook is run first."""
    page = browser.new_page(viewport={"width": width, "height": height})
    page.set_default_timeout(120_000)
    page.goto(address)
    if "token=" in address:
        page.get_by_text("| Idle").wait_for()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".graphbits-chart .main-svg").first.wait_for()
    page.get_by_text("worker ready").wait_for()
    return page
