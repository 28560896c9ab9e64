"""plotly.js, as a kernel or a server sends it to a page."""

from __future__ import annotations

import gzip
from functools import cache

from plotly.offline import get_plotlyjs

SERVED = "GRAPHBITS_SERVES_PLOTLY"
"""The variable that tells a kernel that its page has the library from the server."""

MODULE = """\
//# allFunctionsCalledOnLoad
const module = {{ exports: {{}} }}, exports = module.exports, define = undefined;
{}
export default module.exports;
"""
"""plotly.js as a module. By the first line Chromium compiles all of it at once, off the page's
thread; without, the page waits twice as long."""


@cache
def packed_library() -> bytes:
    """Return plotly.js, gzipped: a UMD source."""
    return _packed(get_plotlyjs())


@cache
def packed_module() -> bytes:
    """Return plotly.js as a JavaScript module whose default export it is, gzipped."""
    return _packed(MODULE.format(get_plotlyjs()))


def _packed(text: str) -> bytes:
    return gzip.compress(text.encode(), 4, mtime=0)
