"""Make runs and searches before they are asked for; the shipped by ``-m explorer.precompute``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from engine.metrics.merit import MERITS
from engine.runs import RunStore
from engine.search import METHODS, Lpgnas, SearchLog, SearchSpec, Space, leanest
from engine.spec import (
    PROPAGATIONS,
    GraphSpec,
    ModelSpec,
    Operator,
    RunSpec,
    float_twin,
    scheme,
)
from explorer.captions import recipe_title, told
from explorer.edits import with_graph, with_model, with_preset, with_task
from explorer.jobs import Job, Jobs
from explorer.pool.orders import Order
from explorer.presets import DEFAULT, PRESETS
from explorer.searches import search_title

DESTINATION = Path("assets/store")
SEARCHED = ("Cora", "CiteSeer")
"""Public graphs that LPGNAS is shipped on."""
SEARCH_SEEDS = 3


def recipes() -> list[RunSpec]:
    """Return what is shipped: every preset and others on digits-knn, float models elsewhere.

    Of the set of graphs there is what the default leads to, and an operator that suits it.
    """
    widths = (2, 3, 4, 6, 8)
    operators: tuple[Operator, ...] = ("gat", "gin", "sage")
    made = [scheme("float"), scheme("qat", bits=8, component_bits={"weight": 4})]
    made += [scheme(name, bits=bits) for name in ("degree-quant", "qat", "ptq") for bits in widths]
    made += [*(scheme("smp", bits=bits) for bits in (8, 4, 2)), scheme("sgquant", bits=8)]
    for model in (ModelSpec(operator=operator) for operator in operators):
        made += [scheme("float", model=model), scheme("degree-quant", bits=4, model=model)]
    for recipe in (with_model(DEFAULT, operator=operator) for operator in PROPAGATIONS):
        made += [float_twin(recipe), recipe]
    propagating = ModelSpec(operator="appnp")
    made += [scheme(name, bits=2, model=propagating) for name in ("degree-quant", "qat")]
    made += [scheme("float", graph=GraphSpec(name=name)) for name in ("karate", "hubs")]
    of_graphs = with_task(with_graph(DEFAULT, name="digits-superpixels"), True)
    suited = with_model(of_graphs, operator="gin")
    return [*made, *map(float_twin, (of_graphs, suited)), suited]


def searches() -> list[SearchSpec]:
    """Return the searches that are shipped: every method on digits-knn, LPGNAS on public graphs.

    LPGNAS has several seeds, so that it can be seen which widths it finds again. The public graphs
    have to be at hand, or are fetched.
    """
    spaces = [Space(graph=GraphSpec(name=name)) for name in ("digits-knn", *SEARCHED)]
    made = [
        SearchSpec(space=space, method=Lpgnas(), seed=seed)
        for space in spaces
        for seed in range(SEARCH_SEEDS)
    ]
    return [*made, *(SearchSpec(method=kind()) for kind in METHODS.values() if kind is not Lpgnas)]


def is_kept(spec: SearchSpec) -> bool:
    """Return whether the run that is a search's answer is shipped too."""
    return isinstance(spec.method, Lpgnas) and spec.space == Space()


def neighbours(recipe: RunSpec) -> list[RunSpec]:
    """Return what a page that opens with a recipe is asked for first: it, in float, each preset."""
    presets = (with_preset(recipe, name) for name in PRESETS)
    return list(dict.fromkeys((float_twin(recipe), recipe, *presets)))


def precompute(
    destination: Path,
    wanted: Sequence[RunSpec],
    shipped: Sequence[Path] = (),
    cluster: str | None = None,
) -> None:
    """Train whatever a store does not have.

    Args:
        destination: Folder of the store.
        wanted: What it shall have.
        shipped: Stores that need not be repeated.
        cluster: Address of the scheduler of a Dask cluster that trains; None for this machine.

    Raises:
        RuntimeError: If a run does not finish.
    """
    with closing(Jobs(destination, shipped, cluster=cluster)) as jobs:
        _train(jobs, wanted)


def _train(jobs: Jobs, wanted: Sequence[RunSpec]) -> None:
    """Train whatever the store of a queue does not have.

    Raises:
        RuntimeError: If a run does not finish.
    """
    for recipe in wanted:
        job = _finished(jobs, recipe, recipe_title(recipe))
        last = [told(job.merit, epoch["validation"]) for epoch in job.epochs[-1:]]
        print(job.purpose, *last, flush=True)


def _find(jobs: Jobs, destination: Path, wanted: Sequence[SearchSpec]) -> list[RunSpec]:
    """Carry out whatever searches a store does not have, and return what LPGNAS answered.

    Args:
        jobs: The store's queue.
        destination: Folder of the store.
        wanted: What it shall have.

    Returns:
        The leanest answers of LPGNAS on digits-knn.

    Raises:
        RuntimeError: If a search does not finish.
    """
    answers = []
    for spec in wanted:
        log = SearchLog(spec, destination)
        if not log.is_over:
            _finished(jobs, spec, search_title(spec))
        answer = leanest(log.trials)
        print(search_title(spec), told(MERITS[answer.merit], answer.validation), flush=True)
        if is_kept(spec):
            answers.append(answer.spec)
    return answers


def tidy(folder: Path, kept: Sequence[RunSpec]) -> None:
    """Leave nothing but some runs, and the logs of searches, in a store."""
    store, keys = RunStore(folder), {recipe.key for recipe in kept}
    for run in store.list():
        if run.key not in keys:
            store.delete(run.key)
    for leftover in ("running", "trash"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    for file in (*folder.glob("index-*"), *folder.glob("searches/*.lock")):
        file.unlink()


def _finished(jobs: Jobs, order: Order, purpose: str) -> Job:
    """Return the job of an order, once it is done.

    Raises:
        RuntimeError: If it ended otherwise.
    """
    job = jobs.submit(order, purpose)
    while not job.is_over:
        time.sleep(0.05)
        jobs.poll()
    if job.status != "finished":
        raise RuntimeError(f"{job.purpose}: {job.status}. {job.note}")
    return job


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m explorer.precompute", description=__doc__)
    parser.add_argument("--into", type=Path, default=DESTINATION, help="folder of the store")
    try:
        into, wanted = parser.parse_args(arguments).into, recipes()
        with closing(Jobs(into)) as jobs:
            _train(jobs, wanted)
            answers = _find(jobs, into, searches())
            _train(jobs, answers)
        tidy(into, [*wanted, *answers])
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
