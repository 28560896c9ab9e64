"""A published folder over HTTP: what it gives out, what it refuses, and two visitors' one queue."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClosedError, websocket_connect

from explorer.load import MEGABYTE, Page
from explorer.publish import publish
from explorer.site import Site
from explorer.visitors import MOST_CONNECTIONS, MOST_MESSAGE_BYTES, PROTOCOL

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 600  # the first time on a machine, kernels are compiled
VISITORS = 3
SECRET = "the-token-of-this-test"
EMPTY = {"Content-Length": "0"}


def ask(
    port: int, path: str, method: str = "GET", form: bytes | None = None, **headers: str
) -> tuple[int, bytes, Message]:
    """Return status, body and headers of what is answered to a path sent as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    if form is not None:
        headers |= {"Content-Length": str(len(form))}
        headers |= {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(form)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


class Server:
    """A running ``graphbits serve``.

    Args:
        folder: Where it keeps its log.
        site: What it serves.
    """

    def __init__(self, folder: Path, site: Site) -> None:
        self.site = site
        self.log = folder / "serve.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "engine", "serve", str(site.folder), f"--port={self.port}"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder)},
                stdout=out,
                stderr=out,
            )
        until = time.monotonic() + START_WITHIN_S
        while True:
            try:
                self.get("/voila/static/")
                return
            except OSError:
                assert time.monotonic() < until, self.log.read_text()
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)

    @property
    def address(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, str]:
        """Return status, body and place of what is answered to a path sent as it stands."""
        status, body, told = ask(self.port, path, method, **headers)
        return status, body, told.get("Location", "")

    def end(self) -> int:
        """Interrupt it and return its status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)

    def kernels(self) -> list[int]:
        """Return the process ids of the kernels."""
        return [
            pid
            for pid in self.descendants() - self.zygotes()
            if re.search(rb"zygote|ipykernel", Path(f"/proc/{pid}/cmdline").read_bytes())
        ]

    def zygotes(self) -> set[int]:
        """Return the process ids of what kernels are copied from."""
        return {
            pid
            for pid in self.descendants()
            if b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
            and Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
            == str(self.process.pid)
        }

    def descendants(self) -> set[int]:
        """Return the process ids of the pool, its workers and the kernels."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(status.parent.name)] = int(
                    status.read_text().rsplit(")", 1)[1].split()[1]
                )
            except OSError:
                continue
        found = {self.process.pid}
        while more := {child for child, parent in parents.items() if parent in found} - found:
            found |= more
        return found - {self.process.pid}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    site = publish(folder / "site")
    site.bounds_file.write_text(json.dumps(asdict(replace(site.bounds, visitors=VISITORS))))
    (site.page / "secret.txt").write_text("not for you")
    (site.page / "picture.png").write_text("not for you")
    server = Server(folder, site)
    yield server
    left = server.descendants()
    assert server.end() == 0
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in left):
        assert time.monotonic() < until, "an interrupt leaves a kernel or worker behind"
        time.sleep(0.1)


PATHS = [
    "/files/bounds.json",
    "/bounds.json",
    "/voila.json",
    "/page/explorer.ipynb",
    "/explorer.ipynb",
    "/voila/files/explorer.ipynb",
    "/voila/files/secret.txt",
    "/voila/files/picture.png",
    "/voila/files/../voila.json",
    "/voila/files/%2e%2e/voila.json",
    "/voila/files/..%2fvoila.json",
    "/voila/files//etc/passwd",
    "/../voila.json",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/voila/static/../../../../../../../../etc/passwd",
    "/voila/static/%2e%2e/app.py",
    "/voila/templates/lab/static/../../../../../../../../../etc/passwd",
    "/voila/labextensions/../../../../../../../../../../etc/passwd",
    "/voila/api/themes/../../../../../../../../etc/passwd",
    "/api/contents",
    "/api/contents/explorer.ipynb",
    "/voila/api/contents/",
    "/api/kernels",
    "/api/kernelspecs",
    "/api/sessions",
    "/api/terminals",
    "/terminals/1",
    "/voila/tree",
    "/voila/render/explorer.ipynb",
    "/nbconvert/script/explorer.ipynb",
    "/tree",
    "/lab",
]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_but_the_page_is_given_out(server: Server, path: str) -> None:
    for _ in range(3):
        status, body, place = server.get(path)
        for secret in (b"not for you", b"root:", b"file_allowlist", b"from explorer", b"import os"):
            assert secret not in body, secret
        if status not in (301, 302):
            break
        path = re.sub(r"^https?://[^/]+", "", place)
        assert path.startswith("/"), "no way out to another host"
    assert status >= 400


@pytest.mark.parametrize(
    "query",
    [
        "theme=%3Cscript%3Ealert(1)%3C/script%3E",
        "theme=../../../etc",
        "&".join(f"a{number}=1" for number in range(50)),
        "r=" + "A" * 40_000,
    ],
)
def test_a_link_that_is_none_starts_no_kernel(server: Server, query: str) -> None:
    status, body, _ = server.get(f"/?{query}")
    assert status == 400
    assert b"<script>alert" not in body
    assert b"Traceback" not in body
    assert server.kernels() == []


def test_no_one_may_post_or_put(server: Server) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/", "/voila/files/x.png", "/api/kernels", "/api/contents/x.ipynb"):
            status, _, _ = server.get(path, method, **EMPTY)
            assert status >= 400, (method, path)


def test_a_page_loads_plotly_from_its_own_server_and_keeps_it(server: Server) -> None:
    status, body, _ = server.get("/")
    assert status == 200
    assert server.get(f"/voila/api/shutdown/{kernel_of(body)}", "POST", **EMPTY)[0] == 204
    assert not re.search(rb"(src|href)=.https?:", body), "nobody else is asked for anything"
    (place,) = re.findall(rb'import\("(/[^"]+)"\)', body)
    status, module, told = ask(server.port, place.decode(), "GET")
    assert (status, told["Content-Encoding"]) == (200, "gzip")
    assert told["Content-Type"].startswith("text/javascript")
    assert get_plotlyjs() in gzip.decompress(module).decode()
    known = {"If-None-Match": told["ETag"]}
    assert ask(server.port, place.decode(), "GET", **known)[:2] == (304, b"")


def kernel_of(body: bytes) -> str:
    """Return the kernel's id that a page was given."""
    found = re.search(rb'"kernelId": *"([0-9a-f-]{36})"', body)
    assert found, body[-2000:]
    return found[1].decode()


def test_a_visitor_may_not_run_code_and_there_is_a_most(server: Server, tmp_path: Path) -> None:
    status, body, _ = server.get("/?theme=dark&template=../../x")
    assert status == 200
    assert b"from explorer" not in body, "sources are stripped"
    kernel = kernel_of(body)
    victim = tmp_path / "victim"
    answers = asyncio.run(_say(server, kernel, f"open({str(victim)!r}, 'w')"))
    assert not victim.exists()
    assert "execute_reply" not in answers
    assert "inspect_reply" not in answers
    assert "kernel_info_reply" in answers, "but it is spoken to"
    opening = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    opening["Sec-WebSocket-Key"] = "AQIDBAUGBwgJCgsMDQ4PEA=="
    assert server.get(f"/api/kernels/{kernel}/channels", **opening)[0] == 400, "another protocol"
    asyncio.run(_shout(server, kernel))
    others = [kernel_of(server.get("/")[1]) for _ in range(VISITORS - 1)]
    status, body, _ = server.get("/")
    assert status == 503
    assert b"3 visitors are here already" in body
    for id in (kernel, *others):
        assert server.get(f"/voila/api/shutdown/{id}", "POST", **EMPTY)[0] == 204
    assert server.get(f"/voila/api/shutdown/{uuid.uuid4()}", "POST", **EMPTY)[0] in (404, 500)


def laid_out(*parts: bytes) -> bytes:
    """Return parts as pages send them."""
    places = [8 * (len(parts) + 2)]
    for part in parts:
        places.append(places[-1] + len(part))
    return struct.pack(f"<{len(places) + 1}Q", len(places), *places) + b"".join(parts)


def channels(server: Server, kernel: str) -> str:
    """Return where a kernel's websocket is."""
    return f"ws://127.0.0.1:{server.port}/api/kernels/{kernel}/channels?session_id=s"


async def _say(server: Server, kernel: str, code: str) -> list[str]:
    """Ask a kernel to execute something, and then who it is; return what it answers."""
    connection = await websocket_connect(channels(server, kernel), subprotocols=[PROTOCOL])
    content: dict[str, dict[str, Any]] = {
        "execute_request": {"code": code, "silent": False, "store_history": False},
        "inspect_request": {"code": "Explorer", "cursor_pos": 3, "detail_level": 1},
        "kernel_info_request": {},
    }
    for channel in ("shell", "control"):
        for name, said in content.items():
            header = {"msg_id": name, "msg_type": name, "session": "s", "username": ""}
            parts = ({**header, "version": "5.3", "date": ""}, {}, {}, said)
            message = laid_out(channel.encode(), *(json.dumps(part).encode() for part in parts))
            await connection.write_message(message, binary=True)
    answers: list[str] = []
    with contextlib.suppress(TimeoutError):
        while answers.count("kernel_info_reply") < 2:
            patience_s = 2 if "kernel_info_reply" in answers else 30  # Jupyter may keep the other
            message = await asyncio.wait_for(connection.read_message(), patience_s)
            assert isinstance(message, bytes)
            places = struct.unpack_from("<3Q", message, 8)
            answers.append(json.loads(message[places[1] : places[2]])["msg_type"])
    connection.close()
    while await connection.read_message() is not None:
        pass
    return answers


async def _shout(server: Server, kernel: str) -> None:
    """Say what would stop a plain Voila for everybody, and see that this one goes on."""
    connection = await websocket_connect(channels(server, kernel), subprotocols=[PROTOCOL])
    await connection.write_message(b"\xff" * 64, binary=True)
    while await asyncio.wait_for(connection.read_message(), 30) is not None:
        pass
    assert connection.close_code == 1003
    connection.close()
    assert server.get("/voila/static/voila.js")[0] in (200, 404)


def test_one_visitor_stops_nothing_for_others(server: Server) -> None:
    kernel = kernel_of(server.get("/")[1])
    asyncio.run(asyncio.wait_for(_stop(server, kernel), 120))
    assert server.get("/voila/static/")[0] == 404, "it answers as before"
    shut = server.get(f"/voila/api/shutdown/{kernel}", "POST", **EMPTY)
    assert shut[0] == 204


async def _stop(server: Server, kernel: str) -> None:
    """Do what would stop a plain Voila, or make a kernel grow, and see that the page goes on."""

    async def visit() -> Page:
        page = Page(
            await websocket_connect(
                channels(server, kernel), subprotocols=[PROTOCOL], max_message_size=256 * MEGABYTE
            )
        )
        control = uuid.uuid4().hex
        await page.say(control, {}, "comm_open")
        await page.say(control, {"method": "request_states"})
        await page.until(lambda _: page.is_whole)
        return page

    async def end(page: Page) -> int | None:
        while await page.socket.read_message() is not None:
            pass
        page.socket.close()
        return page.socket.close_code

    # The same page once more, as after a lost network: Voila would read what the kernel says to the
    # first as if it were of another protocol, and never come to its end.
    stale, page = await visit(), await visit()
    await end(stale)
    there = len(page.states)

    upload = {"_model_module": "@jupyter-widgets/controls", "_model_module_version": "2.0.0"}
    upload |= {"_view_module": "@jupyter-widgets/controls", "_view_module_version": "2.0.0"}
    upload |= {"_model_name": "FileUploadModel", "_view_name": "FileUploadView"}
    content = {"comm_id": "mine", "target_name": "jupyter.widget", "data": {"state": upload}}
    header = {"msg_id": "mine", "msg_type": "comm_open", "session": "s", "version": "5.3"}
    parts = (header | {"username": "", "date": ""}, {}, {"version": "2.1.0"}, content)
    message = laid_out(b"shell", *(json.dumps(part).encode() for part in parts))
    await page.socket.write_message(message, binary=True)
    page.is_whole = False
    page.socket.close()
    page = await visit()
    assert len(page.states) == there, "no widget was made"

    text = page.find(_model_name="TextareaModel")
    for deep in (b'{"comm_id": ' + b"[" * 50_000, b"[]", b"3", b"\xff"):
        message = laid_out(b"shell", b'{"msg_type": "comm_msg"}', b"{}", b"{}", deep)
        await page.socket.write_message(message, binary=True)
    data = {"method": "update", "buffer_paths": [["value"], ["a", "b", 0]], "state": {}}
    await page.say(text, data)
    page.socket.close()
    page = await visit()

    with contextlib.suppress(WebSocketClosedError):
        for _ in range(20):
            data = {"method": "update", "state": {"value": "x" * 800_000}, "buffer_paths": []}
            await page.say(text, data)
    assert await end(page) == 1008
    with contextlib.suppress(WebSocketClosedError):
        page = await visit()
        await page.socket.write_message(bytes(MOST_MESSAGE_BYTES + 1), binary=True)
    assert await end(page) in (1009, None)

    opened = []

    async def crowd() -> None:
        for number in range(MOST_CONNECTIONS + 1):
            address = f"{channels(server, kernel)}{number}"
            opened.append(await websocket_connect(address, subprotocols=[PROTOCOL]))

    with pytest.raises(HTTPClientError) as refused:
        await crowd()
    assert refused.value.code == 429
    for connection in opened:
        connection.close()
        while await connection.read_message() is not None:
            pass
    page = await visit()
    assert len(page.states) == there
    page.socket.close()
    await end(page)


def test_a_token_lets_in_only_who_knows_it(tmp_path: Path) -> None:
    server = Server(tmp_path, publish(tmp_path / "site", token=SECRET))
    try:
        for path in ("/", "/?token=guess", "/voila/files/secret.txt"):
            status, body, place = server.get(path)
            assert (status, place.partition("?")[0]) in ((302, "/login"), (403, "")), path
            assert SECRET.encode() not in body
        for typed in ("", "guess", f"{SECRET}x", "&new_password=mine"):
            status, body, _ = ask(server.port, "/login", "POST", f"password={typed}".encode())
            assert status == 401
            assert b"This is not the token." in body
        # Jupyter's own login lets whoever knows the token choose a password, and writes it down.
        known = f"password={SECRET}&new_password=mine".encode()
        for scheme in ("http", "https"):
            proxied = {"X-Forwarded-Proto": scheme}
            status, _, told = ask(server.port, "/login?next=//x.org/", "POST", known, **proxied)
            assert (status, told["Location"]) == (302, "/"), "no way out to another host"
            cookie = told["Set-Cookie"].lower().split("; ")
            assert "httponly" in cookie
            assert ("secure" in cookie) == (scheme == "https")
        assert ask(server.port, "/login", "POST", b"password=mine")[0] == 401
        assert not list(tmp_path.rglob("jupyter_server_config*"))
        status, body, _ = server.get(f"/?token={SECRET}")
        assert status == 200
        assert kernel_of(body)
        assert SECRET not in server.log.read_text()
    finally:
        assert server.end() == 0


def _start(page: Any, seed: int) -> None:
    for name, value in (("Seed", seed), ("Layers", 5), ("Epochs", 500)):
        page.get_by_role("spinbutton", name=name, exact=True).fill(str(value))
        page.get_by_role("spinbutton", name=name, exact=True).press("Enter")
    page.get_by_role("button", name="Start", exact=True).click()


@pytest.mark.browser
def test_two_visitors_wait_in_one_queue_and_share_what_both_ask_for(
    server: Server, visit: Any
) -> None:
    first = visit.page
    second = first.context.browser.new_page(viewport={"width": 1280, "height": 800})
    pages = (first, second)
    for page in pages:
        page.set_default_timeout(120_000)
        page.goto(server.address + ("" if page is first else "?theme=dark"))
        page.wait_for_selector(".graphbits-chart .point", state="attached")
        page.get_by_text("worker ready").wait_for()
    _start(first, 1)
    first.locator(".gb-run > .gb-note", has_text="Epoch ").wait_for()
    _start(second, 2)
    second.locator(".gb-run > .gb-note", has_text=" before you").wait_for()
    second.get_by_text(re.compile(r"worker busy, \d before you")).wait_for()
    _start(second, 1)
    second.locator(".gb-run > .gb-note", has_text="Epoch ").wait_for()
    first.get_by_role("spinbutton", name="Epochs", exact=True).fill("100000")
    first.get_by_role("spinbutton", name="Epochs", exact=True).press("Enter")
    first.get_by_text("at most 500 on this server").wait_for()
    first.unroute_all()
    first.goto("about:blank")
    second.goto("about:blank")
    second.close()


BROKEN = """
from explorer import Explorer

explorer = Explorer()
explorer.model.hidden.observe(lambda _: {}["a secret of the server"], "value")
explorer.state.observe(lambda change: 1 / (change["new"].origin != "preview"), "shown")
explorer
"""


@pytest.mark.browser
def test_an_error_of_a_callback_is_said_in_the_page_and_in_the_log(
    tmp_path: Path, visit: Any
) -> None:
    cell = {"cell_type": "code", "source": BROKEN.strip(), "metadata": {}, "outputs": []}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (tmp_path / "mine.ipynb").write_text(json.dumps(notebook))
    server = Server(tmp_path, publish(tmp_path / "site", tmp_path / "mine.ipynb"))
    try:
        page = visit.page
        page.set_default_timeout(120_000)
        page.goto(server.address)
        page.wait_for_selector(".graphbits-chart .point", state="attached")
        page.get_by_label("Bits of message, layer 1").select_option("2")
        page.get_by_text("did not work (ZeroDivisionError)").wait_for()
        page.get_by_label("Bits preset").select_option("FP32")
        page.get_by_text("did not work (ZeroDivisionError)").wait_for(state="hidden")
        page.get_by_role("spinbutton", name="Hidden", exact=True).fill("8")
        page.get_by_role("spinbutton", name="Hidden", exact=True).press("Enter")
        page.get_by_text("did not work (KeyError)").wait_for()
        page.screenshot(path=tmp_path / "fault.png")
        assert "a secret of the server" not in page.content()
        log = server.log.read_text()
        assert "KeyError: 'a secret of the server'" in log
        assert "ZeroDivisionError" in log
    finally:
        visit.page.unroute_all()
        visit.page.goto("about:blank")
        assert server.end() == 0
