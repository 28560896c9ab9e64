"""A published folder behind nginx and behind Caddy, each set up by the text of its README."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from explorer.load import MEGABYTE, Page
from explorer.packaged import HERE
from explorer.publish import publish
from explorer.visitors import PROTOCOL
from tests.explorer.test_host import PATHS, Server, ask, kernel_of

SECRET = "the-token-of-this-test"
START_WITHIN_S = 30
GIVEN = re.compile(r"^/voila/(api/shutdown|labextensions|static|templates)/")
"""Where a proxy asks the server, which refuses what is nothing there."""


def told(language: str, replaced: Mapping[str, str]) -> str:
    """Return a configuration of the README with some of its text replaced, all of which it has."""
    text = (HERE / "published.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    for old, new in replaced.items():
        assert old in found
        found = found.replace(old, new)
    return found


class Proxy:
    """nginx or Caddy in front of a server, as a process of this test.

    Args:
        name: Which.
        server: What is behind it.
        folder: For all that it writes.
    """

    def __init__(self, name: str, server: Server, folder: Path) -> None:
        self.name, self._folder = name, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        behind = {"127.0.0.1:8866": f"127.0.0.1:{server.port}"}
        settings = folder / "settings"
        settings.write_text(self._nginx(behind) if name == "nginx" else self._caddy(behind))
        self._command = {
            "nginx": ["nginx", "-p", str(folder), "-c", str(settings)],
            "caddy": ["caddy", "run", "--config", str(settings), "--adapter", "caddyfile"],
        }[name]
        self.start()

    def _nginx(self, behind: dict[str, str]) -> str:
        certificate = r"ssl_certificate     /etc/ssl/explorer.pem;"
        key = r"ssl_certificate_key /etc/ssl/explorer.key;"
        at = {"listen 443 ssl;": f"listen 127.0.0.1:{self.port};", certificate: "", key: ""}
        parts = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        places = "\n".join(f"{part}_temp_path {self._folder / part};" for part in parts)
        return (
            f"daemon off; master_process off; pid {self._folder}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off;\n{places}\n{told('nginx', behind | at)}}}\n"
        )

    def _caddy(self, behind: dict[str, str]) -> str:
        at = {"explorer.example.org": f"http://127.0.0.1:{self.port}"}
        return f"{{\n    admin off\n}}\n{told('caddyfile', behind | at)}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        home = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(self._folder))
        log = self._folder / "log"
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                self._command, cwd=self._folder, env={**os.environ, **home}, stdout=out, stderr=out
            )
        until = time.monotonic() + START_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)

    def end(self) -> None:
        """End it, and every connection through it."""
        self.process.terminate()
        self.process.wait(20)

    async def connect(
        self, kernel: str, cookie: str, origin: str | None = None
    ) -> WebSocketClientConnection:
        """Return a page's websocket to its kernel; the page is of this proxy if not said."""
        headers = {"Cookie": cookie, "Origin": origin or f"http://127.0.0.1:{self.port}"}
        address = f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels?session_id=s"
        return await websocket_connect(
            HTTPRequest(address, headers=headers),
            subprotocols=[PROTOCOL],
            max_message_size=256 * MEGABYTE,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    site = publish(folder / "site", token=SECRET)
    site.bounds_file.write_text(json.dumps(asdict(replace(site.bounds, visitors=20))))
    server = Server(folder, site)
    yield server
    assert server.end() == 0


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def proxy(
    request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"no {name} on this machine: what its README says is not tried")
    proxy = Proxy(name, server, tmp_path_factory.mktemp(name))
    yield proxy
    proxy.end()


@pytest.fixture(scope="module")
def cookie(proxy: Proxy) -> str:
    """Return what a browser keeps of one who typed the token."""
    status, _, headers = ask(proxy.port, "/")
    assert (status, headers["Location"]) == (302, "/login?next=%2F")
    status, body, _ = ask(proxy.port, headers["Location"])
    assert status == 200
    assert b"The token that you were given" in body
    assert ask(proxy.port, "/login", "POST", b"password=guess")[0] == 401
    status, _, headers = ask(proxy.port, "/login", "POST", f"password={SECRET}".encode())
    assert (status, headers["Location"]) == (302, "/")
    kept: str = headers["Set-Cookie"].partition(";")[0]
    return kept


@pytest.fixture(scope="module")
def kernel(proxy: Proxy, cookie: str) -> str:
    """Return the kernel of a visitor's page."""
    status, body, headers = ask(proxy.port, "/?theme=dark", Cookie=cookie)
    assert status == 200
    assert b"jp-theme-dark" in body or b"theme-dark" in body
    assert "no-store" in headers["Cache-Control"]
    return kernel_of(body)


async def opened(proxy: Proxy, kernel: str, cookie: str) -> Page:
    """Return a page that has been told all of its widgets, and has charts."""
    page = Page(await proxy.connect(kernel, cookie))
    control = uuid.uuid4().hex
    await page.say(control, {}, "comm_open")
    await page.say(control, {"method": "request_states"})
    await page.until(lambda _: page.is_whole and bool(page.charts()))
    return page


async def left(page: Page) -> None:
    """Wait until a page's connection has ended."""
    while await page.socket.read_message() is not None:
        pass
    page.socket.close()


def test_a_changed_control_changes_a_chart_and_a_dropped_page_comes_back(
    proxy: Proxy, kernel: str, cookie: str
) -> None:
    async def scene() -> None:
        page = await opened(proxy, kernel, cookie)
        preset = page.find(description="Bits preset")
        index = page.states[preset]["_options_labels"].index("INT8")
        data = {"method": "update", "state": {"index": index}, "buffer_paths": []}
        await page.say(preset, data)
        await page.until(lambda changed: bool(changed & page.charts()))
        proxy.end()
        await left(page)
        proxy.start()
        again = await opened(proxy, kernel, cookie)
        assert again.states[preset]["index"] == index
        again.socket.close()
        await left(again)

    asyncio.run(asyncio.wait_for(scene(), 120))
    assert ask(proxy.port, f"/api/kernels/{kernel}", Cookie=cookie)[0] == 200


def test_a_page_of_another_host_reaches_no_kernel(proxy: Proxy, kernel: str, cookie: str) -> None:
    for origin, known in (("http://else.where", cookie), (None, "")):
        with pytest.raises(HTTPClientError) as refused:
            asyncio.run(proxy.connect(kernel, known, origin))
        assert refused.value.code == 403


@pytest.mark.parametrize("path", [*PATHS, "/api/kernels/", "/login/x", "/logout", "/metrics"])
def test_what_is_not_offered_ends_at_the_proxy(proxy: Proxy, cookie: str, path: str) -> None:
    status, body, _ = ask(proxy.port, path, Cookie=cookie)
    assert status in ((400, 403, 404) if GIVEN.match(path) else (400, 404))
    assert b"root:" not in body
    assert b"from explorer" not in body


@pytest.mark.parametrize("path", ["/login", "/voila/api/shutdown/0"])
def test_no_one_may_send_much(proxy: Proxy, cookie: str, path: str) -> None:
    try:
        status, _, _ = ask(proxy.port, path, "POST", b"password=" + b"x" * 100_000, Cookie=cookie)
    except (ConnectionError, http.client.HTTPException):
        return
    assert status in (413, 502)  # Caddy 2.6 says 502


def test_whoever_opens_page_after_page_is_asked_to_wait(proxy: Proxy) -> None:
    answers = [ask(proxy.port, "/") for _ in range(12)]
    statuses = [status for status, _, _ in answers]
    if proxy.name == "nginx":
        assert set(statuses) <= {302, 429}
        assert statuses.count(429) >= 6
        assert all(b"Too Many Requests" in body for status, body, _ in answers if status == 429)
    else:
        assert set(statuses) == {302}, "it bounds no rates, as the README says"
