"""Kernels of visitors: so many at a time, and none for a link that is none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

from explorer.links import pack
from explorer.state import DEFAULT
from explorer.visitors import MOST_QUERY_CHARACTERS, Visitors, check_query


@pytest.mark.parametrize(
    "query",
    [
        "",
        "theme=dark",
        f"r={pack(DEFAULT)}&theme=light&lesson=hubs&hide=model,run",
        "r=%00%ff&lesson=../../etc/passwd&hide=<script>",  # for the kernel to refuse, in the page
    ],
)
def test_links_pass(query: str) -> None:
    check_query(query)


@pytest.mark.parametrize(
    "query",
    [
        "theme=<script>alert(1)</script>",
        "theme=light&theme=../../x",
        "theme=%22%3E%3Cscript%3E",
        "&".join(f"a{number}=1" for number in range(50)),
        "r=" + "A" * MOST_QUERY_CHARACTERS,
    ],
)
def test_queries_that_no_link_has_are_refused(query: str) -> None:
    with pytest.raises(HTTPError) as refused:
        check_query(query)
    assert refused.value.status_code == 400
    assert "<" not in refused.value.reason


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> Visitors:
    """Return a manager whose kernels are only noted."""
    started: list[str] = []

    async def start(self: Any, **_: Any) -> str:
        await asyncio.sleep(0.01)
        started.append(f"kernel {len(started)}")
        self._kernels[started[-1]] = SimpleNamespace(last_activity=datetime.now(UTC))
        return started[-1]

    async def shut_down(self: Any, kernel_id: str) -> None:
        del self._kernels[kernel_id]

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(AsyncMappingKernelManager, "shutdown_kernel", shut_down)
    return Visitors(most=2, gone_after_s=60)


def test_there_is_a_most_even_when_all_come_at_once(kernels: Visitors) -> None:
    async def scene() -> list[Any]:
        opened = (kernels.start_kernel(env={"QUERY_STRING": "theme=dark"}) for _ in range(4))
        return await asyncio.gather(*opened, return_exceptions=True)

    came = asyncio.run(scene())
    assert [type(one) for one in came] == [str, str, HTTPError, HTTPError]
    assert {one.status_code for one in came[2:]} == {503}
    assert "2 visitors are here already" in came[2].reason


def test_a_bad_link_starts_nothing(kernels: Visitors) -> None:
    with pytest.raises(HTTPError):
        asyncio.run(kernels.start_kernel(env={"QUERY_STRING": "theme=x"}))
    assert kernels.list_kernel_ids() == []


def test_a_kernel_whose_page_is_gone_is_ended(kernels: Visitors) -> None:
    async def scene() -> None:
        here, gone, new = [await kernels.start_kernel() for _ in "12"] + ["new"]
        kernels._kernels[new] = SimpleNamespace()  # has not answered yet
        kernels._kernel_connections = {here: 1, gone: 0}
        kernels._kernels[gone].last_activity -= timedelta(seconds=61)
        ended = []

        async def idle(self: Any, kernel_id: str) -> None:
            ended.append(kernel_id)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AsyncMappingKernelManager, "cull_kernel_if_idle", idle)
            for kernel in (here, gone, new):
                await kernels.cull_kernel_if_idle(kernel)
        assert ended == [here, new], "whether they are idle is asked as usual"
        assert set(kernels.list_kernel_ids()) == {here, new}

    asyncio.run(scene())
