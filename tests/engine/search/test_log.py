"""The log of a search: lines that survive a kill, one writer, many readers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runs import StoreError
from engine.search import SearchLog, SearchSpec, searches
from engine.search.log import PROPOSALS, SEARCH, TRIALS
from tests.engine.search.conftest import Made


def test_what_is_added_is_there_for_others(tmp_path: Path, trial: Made) -> None:
    log, reader = SearchLog(SearchSpec(), tmp_path), SearchLog(SearchSpec(), tmp_path)
    assert reader.proposals == reader.trials == () == searches(tmp_path)
    with log.writing():
        assert reader.is_going_on
        log.add(trial(0, 0.5, 10).proposal)
        log.add(trial(0, 0.5, 10))
        log.add(trial(1, 0.6, 10))
        assert reader.proposals == (trial(0, 0.5, 10).proposal,)
        assert reader.trials == (trial(0, 0.5, 10), trial(1, 0.6, 10))
        assert not reader.is_over
        log.end()
    assert reader.is_over
    assert not reader.is_going_on
    (found,) = searches(tmp_path)
    assert found.spec == SearchSpec()
    assert found.trials == reader.trials


def test_a_line_cut_short_is_left_out_and_then_cut_off(tmp_path: Path, trial: Made) -> None:
    log = SearchLog(SearchSpec(), tmp_path)
    with log.writing():
        log.add(trial(0, 0.5, 10))
    with (log.folder / TRIALS).open("ab") as file:
        file.write(b'{"proposal": {"numb')
    assert log.trials == (trial(0, 0.5, 10),)
    with log.writing():
        log.add(trial(1, 0.6, 10))
    assert log.trials == (trial(0, 0.5, 10), trial(1, 0.6, 10))
    (log.folder / PROPOSALS).write_bytes(b'{"nu')
    with log.writing():
        assert (log.folder / PROPOSALS).read_bytes() == b""


def test_one_process_at_a_time(tmp_path: Path) -> None:
    log = SearchLog(SearchSpec(), tmp_path)
    with log.writing():
        second = SearchLog(SearchSpec(), tmp_path).writing()
        with pytest.raises(StoreError, match="already going on, by process"):
            second.__enter__()
        with SearchLog(SearchSpec(seed=1), tmp_path).writing():
            pass
    with log.writing():
        pass


def test_what_cannot_be_read_is_named_or_left_out(tmp_path: Path) -> None:
    log = SearchLog(SearchSpec(), tmp_path)
    with log.writing():
        pass
    (log.folder / TRIALS).write_text('{"merit": "luck"}\n')
    with pytest.raises(StoreError, match=r"trials\.jsonl cannot be read"):
        _ = log.trials
    (log.folder / SEARCH).write_text("{")
    assert searches(tmp_path) == ()
