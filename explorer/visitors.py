"""Voila's kernels, one a visitor: so many at a time, ended soon after their page is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError
from traitlets import Int

THEMES = ("light", "dark")
MOST_QUERY_CHARACTERS = 32_768
MOST_QUERY_FIELDS = 20


class Visitors(AsyncMappingKernelManager):
    """Starts a kernel for whoever opens the page, unless there are too many or the link is none.

    Voila itself knows no most, and puts a theme's name into the page as it is.
    """

    most = Int(30, help="Kernels at a time").tag(config=True)
    gone_after_s = Int(
        120, help="Seconds without a word or a connection after which a kernel is ended"
    ).tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._beginning = 0

    async def start_kernel(self, **kwargs: Any) -> str:  # type: ignore[override]
        """Return the id of a visitor's new kernel.

        Raises:
            HTTPError: 400 for a link that is none, 503 if there are too many visitors.
        """
        check_query((kwargs.get("env") or {}).get("QUERY_STRING", ""))
        if len(self.list_kernel_ids()) + self._beginning >= self.most:
            raise HTTPError(
                503, reason=f"{self.most} visitors are here already, try again in a few minutes"
            )
        self._beginning += 1
        try:
            kernel_id: str = await super().start_kernel(**kwargs)
        finally:
            self._beginning -= 1
        return kernel_id

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel that is idle, or whose page is gone."""
        kernel = self._kernels.get(kernel_id)
        silent_since = getattr(kernel, "last_activity", None)
        if silent_since is not None and not self._kernel_connections.get(kernel_id, 0):
            if datetime.now(UTC) - silent_since > timedelta(seconds=self.gone_after_s):
                self.log.info("The page of kernel %s is gone.", kernel_id)
                await self.shutdown_kernel(kernel_id)
            return
        await super().cull_kernel_if_idle(kernel_id)


def check_query(query: str) -> None:
    """Refuse a page's query that no link has.

    What it says of the recipe, a lesson and what to hide, the kernel checks, and says so in the
    page.

    Raises:
        HTTPError: 400.
    """
    if len(query) > MOST_QUERY_CHARACTERS:
        raise HTTPError(400, reason="The link is too long")
    try:
        given = parse_qs(query, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError:
        raise HTTPError(400, reason="The link has too many fields") from None
    if not set(given.get("theme", ())) <= set(THEMES):
        raise HTTPError(400, reason="The theme of the link is neither light nor dark")
