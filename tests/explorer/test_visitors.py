"""Kernels of visitors: so many at a time, and none for a link that is none."""

from __future__ import annotations

import asyncio
import struct
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

from explorer.links import pack
from explorer.state import DEFAULT
from explorer.visitors import MOST_QUERY_CHARACTERS, Visitors, check_query, is_message


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


def laid_out(*parts: bytes) -> bytes:
    """Return parts as pages send them."""
    places = [8 * (len(parts) + 2)]
    for part in parts:
        places.append(places[-1] + len(part))
    return struct.pack(f"<{len(places) + 1}Q", len(places), *places) + b"".join(parts)


WHOLE = laid_out(b"shell", b"{}", b"{}", b"{}", b"{}", b"a buffer")


def test_a_message_of_a_page_is_one() -> None:
    assert is_message(laid_out(b"shell", b"{}", b"{}", b"{}", b"{}"))
    assert is_message(WHOLE)


@pytest.mark.parametrize(
    "message",
    [
        "text",
        None,
        b"",
        b"1234567",
        b"\xff" * 64,  # would be taken for 2**64 parts
        struct.pack("<Q", 10**9) + bytes(10_000),
        struct.pack("<Q", 0),
        laid_out(b"shell", b"{}"),
        laid_out(*[b""] * 2000),
        WHOLE[:-1],
        WHOLE[:8] + struct.pack("<Q", 2**63) + WHOLE[16:],
        WHOLE[:16] + struct.pack("<Q", 1) + WHOLE[24:],
    ],
)
def test_what_would_stop_the_server_is_no_message(message: Any) -> None:
    assert not is_message(message)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_message_or_not(message: bytes) -> None:
    assert is_message(message) in (True, False)
