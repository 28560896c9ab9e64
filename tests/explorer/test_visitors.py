"""Kernels of visitors: so many at a time, and none for a link that is none."""

from __future__ import annotations

import asyncio
import json
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
from explorer.presets import DEFAULT
from explorer.visitors import (
    CONTROL,
    MOST_MESSAGE_BYTES,
    MOST_QUERY_CHARACTERS,
    Allowance,
    Visitors,
    check_query,
    is_message,
    is_offered,
)


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
        laid_out(b"shell", *[b"{}"] * 4, bytes(MOST_MESSAGE_BYTES)),
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


def said(kind: object, content: object = (), channel: bytes = b"shell") -> bytes:
    """Return a message of a kind, its content as JSON."""
    parts = ({"msg_type": kind}, {}, {}, content)
    return laid_out(channel, *(json.dumps(part).encode() for part in parts))


@pytest.mark.parametrize(
    "message",
    [
        said("comm_open", {"target_name": CONTROL, "comm_id": "x", "data": {}}),
        said("comm_msg", {"comm_id": "x", "data": {"method": "update", "state": {}}}),
        said("kernel_info_request", channel=b"control"),
        laid_out(b"shell", b'{"msg_type": "comm_msg"}', b"{}", b"{}", b"{}", b"a buffer"),
    ],
)
def test_what_pages_say_is_passed_on(message: bytes) -> None:
    assert is_message(message)
    assert is_offered(message)


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000


@pytest.mark.parametrize(
    "message",
    [
        said("comm_open", {"target_name": "jupyter.widget", "data": {"state": {}}}),
        said("comm_open", {"comm_id": "x"}),
        said("comm_open", []),
        said("comm_open", {"target_name": [CONTROL]}),
        said("execute_request", {"code": "1"}),
        said("shutdown_request", {"restart": True}),
        said("input_reply"),
        said(["comm_msg"]),
        said({}),
        said(None),
        said("comm_msg", channel=b"iopub"),
        said("comm_msg", channel=b"stdin"),
        said("comm_msg", channel=b""),
        *(
            laid_out(b"shell", header, b"{}", b"{}", b"{}")
            for header in (b"", b"{}", b"[]", b"3", b"null", b"NaN", b"\xff", DEEP)
        ),
        laid_out(b"shell", b'{"msg_type": "comm_open"}', b"{}", b"{}", DEEP),
    ],
)
def test_what_no_page_says_is_not_passed_on(message: bytes) -> None:
    assert is_message(message)
    assert not is_offered(message)


def test_so_much_may_be_said_at_once_and_so_much_a_second() -> None:
    now_s = 100.0
    allowance = Allowance(1000, 10, lambda: now_s)
    assert [allowance.takes(400) for _ in range(3)] == [True, True, False]
    now_s += 19
    assert not allowance.takes(400)
    now_s += 1
    assert allowance.takes(400)
    now_s += 1e6
    assert not allowance.takes(1001), "what was not said long ago is not saved up"
    assert allowance.takes(1000)
