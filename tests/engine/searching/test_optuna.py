"""Optuna's study lies beside the search, and was told of every trial."""

from __future__ import annotations

from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState

from engine.runs import RunStore
from engine.search import SearchLog, SearchSpec
from engine.searching import Answered, path, search
from engine.searching.trials import Ended

Asked = Callable[..., SearchSpec]


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_the_study_holds_what_came_of_each_trial(
    store: RunStore, asked: Asked, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    really = path.here

    def the_second_diverges(proposals: object, *where: object) -> object:
        for proposal in proposals:  # type: ignore[attr-defined]
            if proposal.number == 1:
                yield Ended(proposal=proposal, note="The loss was nan.")
            else:
                yield from really([proposal], *where)  # type: ignore[arg-type]

    monkeypatch.setattr(path, "here", the_second_diverges)
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
