"""What a search has spent is told while it is under way, runs that are not done by their share."""

from __future__ import annotations

from collections.abc import Callable

from engine.runs import RunStore
from engine.search import SearchSpec
from engine.searching import Answered, Progress, Spending, Tried, search


def test_a_budget_is_spent_epoch_by_epoch(
    store: RunStore, asked: Callable[..., SearchSpec]
) -> None:
    spec = asked("random", trainings=3)
    spending = Spending(spec)
    assert spending.trainings == spending.share == 0
    told = [0.0]
    for event in search(spec, store):
        spending.hear(event)
        told.append(spending.trainings)
        if isinstance(event, Tried):
            assert spending.trainings == event.spent
        elif isinstance(event, Progress):
            assert 0 < spending.trainings - told[-2] <= 1
    assert isinstance(event, Answered)
    assert spending.trainings == sum(trial.cost for trial in event.trials)
    assert told == sorted(told)
    assert spending.share == 1
