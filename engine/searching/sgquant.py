"""SGQuant's automatic bit selection: the fewest bits that should do, by a model of the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from engine.analysis import Study
from engine.graphs.degrees import rows_by_degree
from engine.integer import Slot
from engine.integer.program import ENTRY
from engine.metrics.merit import merit_in
from engine.search import Choice, Sgquant, Space, Trial
from engine.searching.asking import Asking, Purse, Request, too_little
from engine.searching.twin import judged, trained
from engine.spec import RunSpec, float_twin

Widths = tuple[int, ...]
"""A width for each choice, in order."""

FLOAT_MODEL = 1.0
"""Trainings that the float model takes, which the floor is set by."""

TREES, LEAST = 30, 2
"""Regression trees of the forest, and the fewest results in a leaf."""

CHANGED = 3
"""Widths that are changed, at most, in a copy of the best ones so far."""


def propose(request: Request) -> Asking:
    """Propose batch after batch, each chosen by what the forest learned from those before.

    What it proposes depends on its seed and on what it was told alone.

    Raises:
        SpecError: If the budget pays for no run beside the float model.
    """
    spec, method, purse = request.spec, request.spec.method, Purse(request.spec.budget)
    assert isinstance(method, Sgquant)
    space, rng = spec.space, np.random.default_rng(spec.seed)
    if purse.left < FLOAT_MODEL + 1:
        raise too_little(spec.budget, FLOAT_MODEL + 1)
    choices = space.choices(space.model)
    widest = tuple(max(choice.widths) for choice in choices)
    twin = yield from trained(float_twin(_run(space, choices, widest, spec.seed)), request)
    merit, (study, _) = merit_in(twin.metrics), judged(twin, request)
    floor = merit.rank(twin.metrics[merit.name]["validation"]) - method.floor
    bits_of = sizes(study, choices)
    told: dict[Widths, float] = {}
    searched, proposed = FLOAT_MODEL, set[Widths]()
    while (runs := int(purse.left - searched + 1e-9)) >= 1:
        count = min(method.batch, runs)
        if told:
            batch = _chosen(choices, told, proposed, floor, bits_of, method.drawn, count, rng)
            origin = "chosen by trees"
        else:
            batch = [widest, *(_drawn(choices, rng) for _ in range(count - 1))]
            origin = "drawn"
        proposals = []
        for widths in batch:
            made = _run(space, choices, widths, spec.seed)
            proposals.append(purse.proposal(made, origin, searched))
            searched = 0.0
        proposed.update(batch)
        trials: Sequence[Trial] = yield tuple(proposals)
        purse.pay(trials)
        lowest = min((trial.rank for trial in trials if trial.has_result), default=-1.0)
        for widths, trial in zip(batch, trials, strict=True):
            told[widths] = trial.rank if trial.has_result else lowest


def sizes(study: Study, choices: Sequence[Choice]) -> Callable[[Widths], int]:
    """Return what says how many bits all tensors take, of weights and of activations.

    Args:
        study: The float model on what is measured.
        choices: The choices whose widths it is told.
    """
    degrees = sorted({choice.place[2] for choice in choices} - {0})
    rows = rows_by_degree(study.graph.in_degree, degrees)
    bucketed = {choice.place[:2] for choice in choices if choice.place[2]}
    numbers, counts = _numbers(study), []
    for choice in choices:
        layer, component, least = choice.place
        slots = study.reference.layers[layer].slots
        held = [numbers[layer, slot] for slot, of in slots.items() if of == component]
        if (layer, component) in bucketed:
            held = [of_slot[rows[[0, *degrees].index(least)]] for of_slot in held]
        counts.append(sum(int(of_slot.sum()) for of_slot in held))

    def bits(widths: Widths) -> int:
        stored = (next(s for s in (1, 2, 4, 8, 16, 32) if s >= width) for width in widths)
        return sum(count * width for count, width in zip(counts, stored, strict=True))

    return bits


def _numbers(study: Study) -> Mapping[Slot, NDArray[np.int64]]:
    """Return how many numbers each row of each slot holds, the stored ones of sparse features."""
    plan, numbers = study.plan, dict[Slot, NDArray[np.int64]]()
    for layer, shape in enumerate(study.reference.layers):
        for name in shape.slots:
            slot = layer, name
            held = plan.constants[slot].shape if slot in plan.constants else plan.shapes[slot]
            numbers[slot] = np.full(held[0], int(np.prod(held[1:])))
    if isinstance(plan.features, csr_array):
        numbers[ENTRY] = np.diff(plan.features.indptr)
    return numbers


def _run(space: Space, choices: Sequence[Choice], widths: Widths, seed: int) -> RunSpec:
    of = {choice.name: width for choice, width in zip(choices, widths, strict=True)}
    return space.spec(lambda c: of[c.name] if c.is_width else c.options[0], seed)


def _drawn(choices: Sequence[Choice], rng: np.random.Generator) -> Widths:
    return tuple(int(rng.choice(choice.widths)) for choice in choices)


def _chosen(
    choices: Sequence[Choice],
    told: Mapping[Widths, float],
    proposed: set[Widths],
    floor: float,
    bits_of: Callable[[Widths], int],
    drawn: int,
    count: int,
    rng: np.random.Generator,
) -> list[Widths]:
    """Return the widths to try next: of fewest bits, if expected above the floor, else the best.

    What is expected to do as well as the smallest that was found above the floor counts as above
    it: a mean of trees hardly ever says as much as the best of what they were told.
    """
    expected = _forest(told, rng)
    enough = [widths for widths, rank in told.items() if rank >= floor]
    start = min(enough, key=bits_of) if enough else max(told, key=lambda widths: told[widths])
    if enough:
        floor = min(floor, float(expected([start])[0]))
    looked = [_drawn(choices, rng) for _ in range(drawn // 2)]
    for _ in range(drawn - drawn // 2):
        changed = list(start)
        for place in rng.integers(len(choices), size=rng.integers(1, CHANGED + 1)):
            changed[place] = int(rng.choice(choices[place].widths))
        looked.append(tuple(changed))
    new = [widths for widths in dict.fromkeys(looked) if widths not in proposed]
    if not new:  # a small space is soon known; a repeat costs nothing
        return looked[:count]
    ranks = expected(new)
    order = sorted(
        range(len(new)),
        key=lambda at: (0, bits_of(new[at])) if ranks[at] >= floor else (1, -float(ranks[at])),
    )
    return [new[at] for at in order[:count]]


def _forest(
    told: Mapping[Widths, float], rng: np.random.Generator
) -> Callable[[Sequence[Widths]], NDArray[np.float64]]:
    """Return what says how well widths are expected to do: the mean of a forest of trees."""
    from sklearn.ensemble import RandomForestRegressor  # takes a second to import

    seed = int(rng.integers(1 << 31))
    forest = RandomForestRegressor(TREES, min_samples_leaf=LEAST, random_state=seed)
    forest.fit(np.log2(list(told)), list(told.values()))
    return lambda widths: np.asarray(forest.predict(np.log2(widths)))
