"""Files on offer: made when asked for, and nothing else is given."""

from __future__ import annotations

from typing import Any

import pytest

from explorer.downloads import Downloads, Offer


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"wanted": "A"}, [("a.txt", [b"text \xc3\xa4"])]),
        ({"wanted": "None yet"}, [("n.txt", [])]),
        ({"wanted": "../etc"}, []),
        ({"wanted": ["A"]}, []),
        ("A", []),
    ],
)
def test_only_what_is_on_offer_is_given(monkeypatch, asked: Any, given: Any) -> None:
    sent: list[Any] = []
    downloads = Downloads(
        {
            "A": Offer("All", "a.txt", "text/plain", lambda: "text ä"),
            "None yet": Offer("None", "n.txt", "text/plain", lambda: None),
        }
    )
    assert downloads.offered == {"A": "All", "None yet": "None"}
    monkeypatch.setattr(downloads, "send", lambda about, buffers: sent.append((about, buffers)))
    downloads._give(downloads, asked, [])
    assert [(about["file"], buffers) for about, buffers in sent] == given
