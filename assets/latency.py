"""Measure in Chromium the time from a changed control to the frame with the first changed chart.

Needs Debian's Chromium and the test tools: ``python -m assets.latency``. The changes are those of
``graphbits bench visitors``, each made once the page has come to rest after the one before.
"""

from __future__ import annotations

import os
import statistics

from playwright.sync_api import Page

from assets.browsing import chromium, explorer, opened
from explorer.load import CHANGES, PAUSE_S

WATCH = """() => {
    const page = globalThis.graphbitsLatency = { changed: 0, drawn: 0, listened: new WeakSet() };
    for (const kind of ['change', 'input'])
        document.addEventListener(kind, () => { page.changed ||= performance.now(); }, true);
    page.draw = () => {
        page.drawn = performance.now();
        const { changed, tell } = page;
        if (changed) requestAnimationFrame(() => tell(performance.now() - changed));
    };
    const histogram = document.querySelector('.gb-degrees'); // the one drawing without Plotly
    new MutationObserver(page.draw).observe(histogram, { childList: true, subtree: true });
}"""
EXPECT = """() => {
    const page = graphbitsLatency;
    for (const chart of document.querySelectorAll('.graphbits-chart'))
        if (chart.on && !page.listened.has(chart)) {
            page.listened.add(chart);
            chart.on('plotly_afterplot', page.draw);
        }
    page.changed = 0;
    page.told = new Promise(tell => { page.tell = tell; });
}"""
AT_REST = """pause => performance.now() - graphbitsLatency.drawn > pause
    && !document.querySelector('.gb-stale')"""


def measured(page: Page) -> dict[str, float]:
    """Return milliseconds from each change to the frame with the first chart drawn after it."""
    told = {}
    for label, wanted in CHANGES:
        page.wait_for_function(AT_REST, arg=1000 * PAUSE_S, polling=100)
        page.wait_for_timeout(1000 * PAUSE_S)
        page.evaluate(EXPECT)
        control = page.get_by_label(label, exact=True).and_(page.locator("select, input"))
        if control.evaluate("control => control.tagName") == "SELECT":
            control.select_option(label=str(wanted))
        else:
            control.fill(str(wanted))
            control.press("Enter")
        told[f"{label}: {wanted}"] = page.evaluate("() => graphbitsLatency.told")
    return told


def main() -> None:
    """Measure on Voila and in JupyterLab, all changes twice: a kernel sees the first ones first."""
    with chromium() as browser:
        for place, options in (("Voila", ()), ("JupyterLab", ("--lab",))):
            with explorer(*options) as address:
                page = opened(browser, address)
                page.evaluate(WATCH)
                first, again = measured(page), measured(page)
                page.close()
            print(f"{place}, load average {os.getloadavg()[0]:.1f}; the first time, and again:")
            for change in first:
                print(f"  {first[change]:6.0f} {again[change]:6.0f}  {change}")
            for told in (first, again):
                ordered = sorted(told.values())
                p95 = ordered[round(0.95 * (len(ordered) - 1))]
                middle, most = statistics.median(ordered), ordered[-1]
                print(
                    f"{place}, ms: median {middle:.0f}, p95 {p95:.0f}, most {most:.0f}", flush=True
                )


if __name__ == "__main__":
    main()
