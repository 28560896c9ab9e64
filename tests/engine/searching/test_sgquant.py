"""SGQuant's search: what it pays for, what it counts, and which widths it takes next."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np
import pytest

from engine.analysis import Study
from engine.experiment import complete
from engine.graphs import Graph
from engine.integer import program_of
from engine.runs import RunStore
from engine.search import Choice, SearchSpec, Space
from engine.searching import Answered, Looking, search, sgquant
from engine.spec import GraphSpec, SpecError, TrainingSpec, float_twin

SPACE = Space(
    graph=GraphSpec(name="karate"),
    degrees=(3, 8),
    widths=(8, 4, 2),
    training=TrainingSpec(epochs=4),
)


def test_the_float_model_counts_and_sets_the_floor(
    store: RunStore, asked: Callable[..., SearchSpec]
) -> None:
    spec = asked("sgquant", trainings=9, space=SPACE, floor=1.0, batch=3, drawn=50)
    *events, ending = search(spec, store)
    assert isinstance(ending, Answered)
    trials = ending.trials
    assert [trial.proposal.searched for trial in trials] == [1.0] + [0.0] * 7
    assert len(trials) == 8
    assert set(SPACE.chosen(trials[0].spec).values()) == {8}
    assert {event.what for event in events if isinstance(event, Looking)} == {"float model"}
    assert store.answer(float_twin(trials[0].spec).key)
    assert {trial.proposal.origin for trial in trials[:3]} == {"drawn"}
    # with a floor that everything is above, what is tried next takes few bits
    later = [trial.model_bytes + trial.buffer_bytes for trial in trials[3:]]
    assert max(later) < trials[0].model_bytes + trials[0].buffer_bytes


def test_a_budget_for_the_float_model_alone_is_refused(
    store: RunStore, asked: Callable[..., SearchSpec]
) -> None:
    with pytest.raises(SpecError, match="at least 2"):
        list(search(asked("sgquant", trainings=1.5), store))


def test_bits_are_those_of_all_tensors(karate: Graph) -> None:
    layers = SPACE.model.layer_specs(karate.features, karate.outputs)
    rng = np.random.default_rng(0)
    constants = {
        (index, name): rng.normal(size=shape)
        for index, layer in enumerate(layers)
        for name, shape in layer.constants.items()
    }
    study = Study(karate, program_of(layers, constants, {}))
    choices = SPACE.choices(SPACE.model)
    widths = tuple(int(rng.choice(choice.widths)) for choice in choices)
    of = {choice.name: width for choice, width in zip(choices, widths, strict=True)}
    spec = SPACE.spec(lambda c: of[c.name])
    wanted = 0
    for index, (layer, quant) in enumerate(zip(layers, spec.quant, strict=True)):
        for slot, component in layer.slots.items():
            if quant[component].is_float:
                continue
            if slot in ("weight", "norm"):
                shape = constants[index, slot].shape if slot == "weight" else (karate.nodes,)
                wanted += prod(shape) * quant[component].bits
            else:
                width = study.plan.shapes[index, slot][1]
                if (index, slot) == (0, "input") and not isinstance(
                    study.plan.features, np.ndarray
                ):
                    continue
                each = [quant[component].bits_at(d) for d in karate.in_degree]
                wanted += width * sum(each)
    features = study.plan.features
    if not isinstance(features, np.ndarray):
        entries = np.diff(features.indptr)
        each = [spec.quant[0].input.bits_at(d) for d in karate.in_degree]
        wanted += int((entries * each).sum())
    assert sgquant.sizes(study, choices)(widths) == wanted


def test_the_fewest_bits_above_the_floor_are_next() -> None:
    choices = [Choice(name=f"{layer}.message", options=(8, 4, 2)) for layer in range(3)]
    rng = np.random.default_rng(0)
    told = {}
    for _ in range(60):  # only the first layer matters
        widths = tuple(int(rng.choice((8, 4, 2))) for _ in choices)
        told[widths] = 0.8 if widths[0] == 8 else 0.3
    del told[8, 2, 2]
    for floor in (0.6, 0.7):
        found = sgquant._chosen(choices, told, set(told), floor, sum, 200, 1, rng)
        assert found == [(8, 2, 2)]
    for seen in ({**told, (8, 2, 2): 0.8}, {(8, 2, 2): 0.8}):
        again = sgquant._chosen(choices, seen, set(seen), 0.9, sum, 200, 2, rng)
        assert len(again) == 2
        assert not (len(seen) == 1 and (8, 2, 2) in again)


def test_a_run_that_ended_without_a_result_is_no_better_than_the_worst(
    store: RunStore, asked: Callable[..., SearchSpec]
) -> None:
    spec = asked("sgquant", trainings=5, batch=2, space=SPACE)
    *_, ending = search(spec, store)
    assert isinstance(ending, Answered)
    assert all(trial.has_result for trial in ending.trials)
    assert complete(ending.trials[-1].spec, store).key == ending.trials[-1].spec.key
