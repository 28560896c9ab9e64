"""What processes take of the machine."""

from __future__ import annotations

import os

from explorer.load.server import processor_s, size_of


def test_a_process_has_a_size_and_one_that_is_gone_has_none() -> None:
    own = size_of(os.getpid())
    assert 0 < own["Private_Dirty"] <= own["Rss"]
    assert size_of(2**22 + 1) == {}
    assert processor_s(os.getpid()) > 0 == processor_s(2**22 + 1)
