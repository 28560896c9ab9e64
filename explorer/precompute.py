"""Make runs before they are asked for; what is shipped by ``python -m explorer.precompute``."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

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
from explorer.jobs import Jobs
from explorer.state import DEFAULT, PRESETS, with_graph, with_model, with_preset, with_task

DESTINATION = Path("assets/store")


def recipes() -> list[RunSpec]:
    """Return what is shipped: every preset and others on digits-knn, float models elsewhere.

    Of the set of graphs there is what the default leads to, and an operator that suits it.
    """
    widths = (2, 3, 4, 6, 8)
    operators: tuple[Operator, ...] = ("gat", "gin", "sage")
    made = [scheme("float"), scheme("qat", bits=8, component_bits={"weight": 4})]
    made += [scheme(name, bits=bits) for name in ("degree-quant", "qat", "ptq") for bits in widths]
    for model in (ModelSpec(operator=operator) for operator in operators):
        made += [scheme("float", model=model), scheme("degree-quant", bits=4, model=model)]
    for recipe in (with_model(DEFAULT, operator=operator) for operator in PROPAGATIONS):
        made += [float_twin(recipe), recipe]
    made += [scheme("float", graph=GraphSpec(name=name)) for name in ("karate", "hubs")]
    of_graphs = with_task(with_graph(DEFAULT, name="digits-superpixels"), True)
    suited = with_model(of_graphs, operator="gin")
    return [*made, *map(float_twin, (of_graphs, suited)), suited]


def neighbours(recipe: RunSpec) -> list[RunSpec]:
    """Return what a page that opens with a recipe is asked for first: it, in float, each preset."""
    presets = (with_preset(recipe, name) for name in PRESETS)
    return list(dict.fromkeys((float_twin(recipe), recipe, *presets)))


def precompute(destination: Path, wanted: Sequence[RunSpec], shipped: Sequence[Path] = ()) -> None:
    """Train whatever a store does not have.

    Args:
        destination: Folder of the store.
        wanted: What it shall have.
        shipped: Stores that need not be repeated.

    Raises:
        RuntimeError: If a run does not finish.
    """
    jobs = Jobs(destination, shipped)
    try:
        for recipe in wanted:
            job = jobs.submit(recipe, recipe_title(recipe))
            while not job.is_over:
                time.sleep(0.05)
                jobs.poll()
            if job.status != "finished":
                raise RuntimeError(f"{job.purpose}: {job.status}. {job.note}")
            last = [told(job.merit, epoch["validation"]) for epoch in job.epochs[-1:]]
            print(job.purpose, *last, flush=True)
    finally:
        jobs.close()


def tidy(store: Path) -> None:
    """Leave nothing but runs in a store."""
    for leftover in ("running", "trash"):
        shutil.rmtree(store / leftover, ignore_errors=True)
    for index in store.glob("index-*"):
        index.unlink()


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m explorer.precompute", description=__doc__)
    parser.add_argument("--into", type=Path, default=DESTINATION, help="folder of the store")
    try:
        into = parser.parse_args(arguments).into
        precompute(into, recipes())
        tidy(into)
    except RuntimeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
