"""Take the explorer's pictures again: each page light and dark at two widths, each lesson once.

Needs Debian's Chromium and the test tools; ``make pictures`` runs it. What is shown is stored, so
the pictures change with the interface only.
"""

from __future__ import annotations

import base64
from itertools import product
from pathlib import Path

from playwright.sync_api import Page

from assets.browsing import chromium, explorer, opened
from explorer.lessons import LESSONS, PAGES

HERE = Path(__file__).resolve().parent
INTO = HERE / "pictures"
WIDTHS = {1280: 800, 1920: 1080}
THEMES = ("light", "dark")
MOST_HEIGHT, MARGIN = 1600, 24
WEBP = {"format": "webp", "quality": 45}
SETTLED_MS = 700
"""Longer than a chart is drawn and a page fades."""
DRAWN = """() => {
    const charts = [...document.querySelectorAll('.graphbits-chart')].filter(e => e.offsetParent);
    return charts.every(e => e.querySelector('.main-svg'))
        && document.querySelector('.gb') && !document.querySelector('.gb-stale');
}"""


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
    with explorer() as address, chromium() as browser:
        for theme, width in product(THEMES, WIDTHS):
            page = opened(browser, f"{address}?theme={theme}", width, WIDTHS[width])
            for name, title in PAGES.items():
                page.get_by_role("tab", name=title, exact=True).click()
                take(page, f"{name}-{theme}-{width}", width)
            page.close()
        for lesson in LESSONS:
            page = opened(browser, f"{address}?lesson={lesson}", 1280, WIDTHS[1280])
            take(page, f"lesson-{lesson}", 1280)
            page.close()


if __name__ == "__main__":
    main()
