"""Voila as it serves the explorer: in our template, and plotly.js apart from what kernels say.

A page loads plotly.js while its kernel starts, rather than after, and a browser keeps it for the
next visit.
"""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.utils import url_path_join
from tornado.web import RequestHandler
from voila.app import Voila

from explorer.library import SERVED, packed_module
from explorer.packaged import jupyter_path

TEMPLATE = "graphbits"
OUTPUTS_WITHIN_S = 120
"""A page's outputs, once its kernel has done its part; after Voila's 4 seconds a page is empty."""


LOADED_AGAIN = ["jupyterlab-plotly"]
"""Extensions that hold what our pages have already."""


class Pages(Voila):
    """Voila, with Voila's settings, which go before ours."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """Take settings, have slow machines show pages too, and closed pages end their kernels."""
        super().initialize(argv)
        self.config.VoilaExecutor.setdefault("iopub_timeout", OUTPUTS_WITHIN_S)
        # Voila sets no XSRF cookie, so it would refuse a closing page's request to end its kernel,
        # whose id nobody else knows.
        self.tornado_settings.setdefault("disable_check_xsrf", True)
        if "extension_denylist" not in self.config.VoilaConfiguration:
            self.voila_configuration.extension_denylist = LOADED_AGAIN
        if self.voila_configuration.template == TEMPLATE:
            os.environ[SERVED] = "1"
            packed_module()

    def setup_template_dirs(self) -> None:
        """Find our template, unless another is asked for."""
        if "template" not in self.config.VoilaConfiguration:
            os.environ["JUPYTER_PATH"] = jupyter_path()
            self.voila_configuration.template = TEMPLATE
        super().setup_template_dirs()

    def init_handlers(self) -> list[Any]:
        """Return what answers at which path."""
        place = url_path_join(self.server_url, "/voila/static/plotly.js")
        return [(place, Library), *super().init_handlers()]


class Library(RequestHandler):
    """Answers with plotly.js, or that it is the one that the browser has already."""

    def get(self) -> None:
        """Send it."""
        self.set_header("Content-Type", "text/javascript")
        self.set_header("Content-Encoding", "gzip")
        self.set_header("Cache-Control", "no-cache")
        self.finish(packed_module())
