"""``graphbits explore``: what it serves with."""

from __future__ import annotations

from typing import Any

import pytest

import explorer.serve
from engine.__main__ import main


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], {"lab": False, "port": None, "open_browser": True}),
        (["--lab"], {"lab": True, "port": None, "open_browser": True}),
        (["--port", "9000", "--no-browser"], {"lab": False, "port": 9000, "open_browser": False}),
    ],
)
def test_options_reach_the_server(
    arguments: list[str], expected: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    monkeypatch.setattr(explorer.serve, "serve", lambda **options: seen.append(options))
    assert main(["explore", *arguments]) == 0
    assert seen == [expected]


def test_without_a_port_it_ends_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def serve(**_: Any) -> None:
        raise explorer.serve.NoFreePort("no port from 8866 to 8915 is free")

    monkeypatch.setattr(explorer.serve, "serve", serve)
    assert main(["explore"]) == 1
    assert capsys.readouterr().err == "graphbits: no port from 8866 to 8915 is free\n"
