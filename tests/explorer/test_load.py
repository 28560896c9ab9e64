"""The load test's visitor: how it reads and writes what pages do; it is run by hand, never here."""

from __future__ import annotations

import json
import os
import struct

import pytest

from explorer.load import LoadFailed, Page, _decoded, _encoded, _processor_s, _size, _spread
from explorer.visitors import is_message


def test_what_it_says_is_a_message_and_comes_back() -> None:
    parts = ({"msg_type": "comm_msg"}, {}, {}, {"data": {"method": "é"}})
    message = _encoded("shell", parts)
    assert is_message(message)
    assert _decoded(message) == ("comm_msg", {"data": {"method": "é"}})
    assert message[struct.unpack_from("<Q", message, 8)[0] :].startswith(b"shell{")


def test_it_follows_the_widgets_of_a_page() -> None:
    page = Page(None)
    assert page.charts() == set()
    states = {
        "a": {"state": {"figure": {"data": []}, "_dom_classes": ["gb-follows"]}},
        "p": {"state": {"figure": {"data": [{}]}, "_dom_classes": []}},
        "b": {"state": {"description": "Start"}},
        "c": {"state": {"value": ""}},
    }
    assert page._take("comm_msg", {"data": {"method": "update_states", "states": states}}) == {
        *("a", "b", "c", "p")
    }
    assert page.is_whole
    assert page.find(description="Start") == "b"
    with pytest.raises(LoadFailed, match="Stop"):
        page.find(description="Stop")
    update = {"method": "update", "state": {"figure": {"data": [{}]}}}
    assert page._take("comm_msg", {"comm_id": "a", "data": update}) == {"a"}
    assert page.charts() == {"a"}
    line = '<span class="gb-status gb-waiting">waiting, 3 before you</span> INT4 · seed 1001'
    page._take("comm_open", {"comm_id": "d", "data": {"state": {"value": line}}})
    assert list(page.statuses()) == [(line, "waiting", 3)]
    page.states["d"]["value"] = line.replace("waiting, 3 before you", "finished").replace(
        "gb-waiting", "gb-finished"
    )
    assert [(status, before) for _, status, before in page.statuses()] == [("finished", 0)]
    page._take("comm_close", {"comm_id": "a"})
    assert page.charts() == set()
    assert page._take("status", {"execution_state": "busy"}) == set()


def test_spread_and_size_are_what_they_say() -> None:
    assert _spread([3.0, 1.0, 2.0]) == {"median": 2.0, "p95": 3.0, "most": 3.0}
    own = _size(os.getpid())
    assert 0 < own["Private_Dirty"] <= own["Rss"]
    assert _size(2**22 + 1) == {}
    assert _processor_s(os.getpid()) > 0 == _processor_s(2**22 + 1)
    assert json.dumps(own)
