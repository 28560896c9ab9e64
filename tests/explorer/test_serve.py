"""Ports; the rest of serving is driven in a browser."""

from __future__ import annotations

import socket

import pytest

from explorer import serve
from explorer.serve import NoFreePort, free_port


def test_taken_port_gives_way_to_the_next() -> None:
    with socket.socket() as taken:
        taken.bind((serve.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < free_port(port) < port + serve.PORTS_TRIED
    assert free_port(port) == port


@pytest.mark.parametrize("first", [65536, 100_000, -60])
def test_port_out_of_range_is_said(first: int) -> None:
    with pytest.raises(NoFreePort, match=str(first)):
        free_port(first)
