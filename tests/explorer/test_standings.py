"""The table of searches: the largest front first, and no number that is not known."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.search import Corner
from explorer.searches import Search
from explorer.standings import standings
from tests.explorer.test_searches import SPACE, SPEC, trial

CORNER = Corner(rank=0.1, model_bytes=4000, buffer_bytes=200)
FIRST = Search(spec=SPEC, trials=(trial(0, 0.5),), is_over=True, is_going_on=False, shipped=False)
BETTER = replace(FIRST, spec=replace(SPEC, seed=1), trials=(trial(0, 0.6),))


def cells(table: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(?:(?!<tr>).)*?</tr>", table.split("<tbody>")[1])
    return [re.findall(r"<td>(.*?)</td>", row) for row in rows]


def test_the_largest_front_stands_first() -> None:
    table = standings([FIRST, BETTER], {SPACE: CORNER})
    assert table.index("seed 1") < table.index("seed 0")
    first, second = cells(table)
    assert float(first[0]) > float(second[0]) > 0
    assert first[1:] == ["0.00", "1", "60.0 %", "0.0 %", "400 B", "100 B"]


def test_what_is_not_known_is_a_dash() -> None:
    assert cells(standings([FIRST], {}))[0][:2] == ["–", "–"]
    empty = replace(FIRST, trials=(trial(0, 0.5, note="It diverged."),))
    assert standings([empty], {SPACE: CORNER}) == ""
