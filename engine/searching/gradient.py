"""The one-shot searches by gradient, at one weight of the size after another."""

from __future__ import annotations

import numpy as np

from engine.analysis import extent
from engine.graphs import Neighbourhoods, check_task
from engine.learning.datasets import fetch
from engine.learning.threads import threads_for
from engine.metrics.cost import multiply_adds
from engine.search import Lpgnas, Proposal, Relaxed
from engine.searching.asking import Aside, Asking, Looking, Request, too_little
from engine.searching.one_shot import OneShot


def propose(request: Request) -> Asking:
    """Propose the answer at each weight of the size; all that the budget pays for, low to high.

    The first one pays for the warm-up.

    Raises:
        SpecError: If it pays for none.
    """
    spec, method, space = request.spec, request.spec.method, request.spec.space
    assert isinstance(method, Lpgnas | Relaxed)
    each = 2 * method.turns + 1
    count = int((spec.budget.trainings - method.warm_up) / each + 1e-9)
    if not count:
        raise too_little(spec.budget, method.warm_up + each)
    graph = fetch(space.graph, request.store.folder)
    check_task(graph, space.model)
    layers = space.model.layer_specs(graph.features, graph.outputs)
    work = multiply_adds(layers, extent(graph, Neighbourhoods(graph), layers))
    warm: OneShot | None = None
    for number, beta in enumerate(np.geomspace(method.beta_low, method.beta_high, count).tolist()):
        if number in request.known:
            yield Aside(proposal=request.known[number])
            continue
        title = f"β {beta:.3g}"
        with threads_for(work):
            if warm is None:
                warm = OneShot(spec, graph)
                for step in warm.warm_up():
                    yield Looking(what="warm-up", done=step.step / step.steps)
            turned = warm.fork(_seed(spec.seed, number))
            for step in turned.turns(beta):
                what = f"{title}, {step.entropy:.2f} bits undecided"
                yield Looking(what=what, done=step.step / step.steps)
        searched = 2 * method.turns + (method.warm_up if number == 0 else 0.0)
        found = Proposal(number=number, spec=turned.answer(), origin=title, searched=searched)
        yield Aside(proposal=found)


def _seed(seed: int, number: int) -> int:
    """Return the seed of one of a search's parts."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
