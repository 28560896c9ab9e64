"""Take the explorer's pictures again: each page light and dark at two widths, each lesson once.

Needs Debian's Chromium and the test tools; ``make pictures`` runs it. What is shown is stored, so
the pictures change with the interface only.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, sync_playwright

from explorer.lessons import LESSONS, PAGES
from explorer.serve import free_port

HERE = Path(__file__).resolve().parent
INTO = HERE / "pictures"
WIDTHS = {1280: 800, 1920: 1080}
THEMES = ("light", "dark")
MOST_HEIGHT, MARGIN = 1600, 24
WEBP = {"format": "webp", "quality": 45}
START_WITHIN_S = 300
SETTLED_MS = 700
"""Longer than a chart is drawn and a page fades."""
DRAWN = """() => {
    const charts = [...document.querySelectorAll('.graphbits-chart')].filter(e => e.offsetParent);
    return charts.every(e => e.querySelector('.main-svg'))
        && document.querySelector('.gb') && !document.querySelector('.gb-stale');
}"""


@contextmanager
def explorer() -> Iterator[str]:
    """Serve the explorer with an empty store and yield its address."""
    with TemporaryDirectory(prefix="graphbits-pictures-") as store:
        port = free_port(8900)
        process = subprocess.Popen(
            [sys.executable, "-m", "engine", "explore", "--no-browser", f"--port={port}"],
            cwd=HERE.parent,
            env={**os.environ, "GRAPHBITS_STORE": store},
        )
        address = f"http://127.0.0.1:{port}/"
        try:
            until = time.monotonic() + START_WITHIN_S
            while not answers(f"{address}voila/static/"):
                if process.poll() is not None or time.monotonic() > until:
                    sys.exit("The explorer did not start.")
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait()


def answers(url: str) -> bool:
    """Return whether something answers at an address, if only with an error."""
    try:
        urllib.request.urlopen(url, timeout=1)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def opened(browser: Browser, address: str, width: int) -> Page:
    """Return a page once its charts are drawn."""
    page = browser.new_page(viewport={"width": width, "height": WIDTHS[width]})
    page.goto(address)
    page.locator(".graphbits-chart .main-svg").first.wait_for(timeout=120_000)
    page.get_by_text("worker ready").wait_for(timeout=120_000)
    return page


def take(page: Page, name: str, width: int) -> None:
    """Save a picture of a window high enough for a page, as soon as nothing is being drawn."""
    page.wait_for_function(DRAWN, timeout=60_000)
    page.wait_for_timeout(SETTLED_MS)
    height = page.evaluate("document.querySelector('.gb').scrollHeight") + MARGIN
    height = max(WIDTHS[width], min(height, MOST_HEIGHT))
    page.set_viewport_size({"width": width, "height": height})
    page.wait_for_timeout(SETTLED_MS)
    picture = page.context.new_cdp_session(page).send("Page.captureScreenshot", WEBP)
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    (INTO / f"{name}.webp").write_bytes(base64.b64decode(picture["data"]))
    print(name, flush=True)


def main() -> None:
    """Take all pictures."""
    INTO.mkdir(exist_ok=True)
    with explorer() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for theme, width in product(THEMES, WIDTHS):
            page = opened(browser, f"{address}?theme={theme}", width)
            for name, title in PAGES.items():
                page.get_by_role("tab", name=title, exact=True).click()
                take(page, f"{name}-{theme}-{width}", width)
            page.close()
        for lesson in LESSONS:
            page = opened(browser, f"{address}?lesson={lesson}", 1280)
            take(page, f"lesson-{lesson}", 1280)
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
