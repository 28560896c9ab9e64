"""A page as a visitor of the load test has it: how it reads and writes what browsers do."""

from __future__ import annotations

import struct

import pytest

from explorer.load.page import LoadFailed, Page, decoded, encoded
from explorer.visitors import is_message


def test_what_it_says_is_a_message_and_comes_back() -> None:
    parts = ({"msg_type": "comm_msg"}, {}, {}, {"data": {"method": "é"}})
    message = encoded("shell", parts)
    assert is_message(message)
    assert decoded(message) == ("comm_msg", {"data": {"method": "é"}})
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
