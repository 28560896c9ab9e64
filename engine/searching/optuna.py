"""Optuna's samplers: tree-structured Parzen estimators, and NSGA-II."""

from __future__ import annotations

from functools import partial

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import Trial, TrialState

from engine.search import Choice, Nsga2, Option, SearchLog, Tpe
from engine.searching.asking import Asking, Purse, Request

DIRECTIONS = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)
"""Of the rank on the validation units, model bytes and buffer bytes."""

FILE = "optuna.sqlite"
"""The study, in the search's folder, as Optuna keeps it: its own tools can open it."""


def propose(request: Request) -> Asking:
    """Propose batch after batch, Optuna told of each before the next.

    The study is asked anew when a search is taken up again: what it proposes depends on its seed
    and on what it was told alone, and the store tells it of finished runs at once. So the sampler
    need not be kept, and a batch that was cut off leaves no half in it.
    """
    spec, purse = request.spec, Purse(request.spec.budget)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler, size = _sampler(spec.method, spec.seed)
    file = SearchLog(spec, request.store.folder).folder / FILE
    file.unlink(missing_ok=True)
    storage = RDBStorage(f"sqlite:///{file}")
    try:
        study = optuna.create_study(
            storage=storage, sampler=sampler, directions=DIRECTIONS, study_name=spec.key[:12]
        )
        while purse.runs:
            asked = [study.ask() for _ in range(min(size, purse.runs))]
            batch = tuple(
                purse.proposal(
                    spec.space.spec(partial(_suggest, of), spec.seed),
                    f"trial {of.number}",
                )
                for of in asked
            )
            trials = yield batch
            for of, trial in zip(asked, trials, strict=True):
                if trial.has_result:
                    study.tell(of, (trial.rank, trial.model_bytes, trial.buffer_bytes))
                else:
                    study.tell(of, state=TrialState.FAIL)
            purse.pay(trials)
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _suggest(trial: Trial, choice: Choice) -> Option:
    option: Option = trial.suggest_categorical(choice.name, choice.options)  # type: ignore[assignment]
    return option


def _sampler(method: object, seed: int) -> tuple[BaseSampler, int]:
    """Return a method's sampler, and how many runs it is asked for at once."""
    if isinstance(method, Nsga2):
        return NSGAIISampler(population_size=method.population, seed=seed), method.population
    assert isinstance(method, Tpe)
    return TPESampler(seed=seed), method.batch
