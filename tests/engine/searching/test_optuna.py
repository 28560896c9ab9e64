"""Optuna's study lies beside the search, and was told of every trial."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from engine.events import Diverged
from engine.runs import RunStore
from engine.search import SearchLog, SearchSpec
from engine.searching import Answered, search, trials
from engine.spec import RunSpec

Asked = Callable[..., SearchSpec]


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_the_study_holds_what_came_of_each_trial(
    store: RunStore, asked: Asked, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    really, runs = trials.run, count()

    def the_second_diverges(run: RunSpec, *where: Any) -> Any:
        if next(runs) == 1:
            yield Diverged(key=run.key, note="The loss was nan.")
        else:
            yield from really(run, *where)

    monkeypatch.setattr(trials, "run", the_second_diverges)
    spec = asked(name, trainings=3)
    *_, ending = search(spec, store)
    assert isinstance(ending, Answered)
    file = SearchLog(spec, store.folder).folder / "optuna.sqlite"
    study = optuna.load_study(study_name=spec.key[:12], storage=f"sqlite:///{file}")
    for told, trial in zip(study.trials, ending.trials, strict=True):
        assert told.params == spec.space.chosen(trial.spec)
        if trial.has_result:
            assert told.values == [trial.rank, trial.model_bytes, trial.buffer_bytes]
        else:
            assert told.state == TrialState.FAIL
    assert [trial.has_result for trial in ending.trials] == [True, False, True]
