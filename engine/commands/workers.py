"""The options that name who carries out runs, and runs carried out side by side."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.spec import RunSpec, SpecError
from engine.spec.errors import check_integer

CLUSTER = "address of a Dask scheduler whose workers train, such as tcp://host:8786"


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Add the options that name who carries out runs."""
    of = parser.add_argument_group(
        "workers", "who trains, several runs at a time; the results are the same"
    )
    of.add_argument("--workers", type=int, help="processes of this machine (none but this one)")
    of.add_argument("--cluster", metavar="ADDRESS", help=CLUSTER)


def workers_of(options: argparse.Namespace) -> Any:
    """Return the `Workers` that the options name; None where this process trains itself.

    Raises:
        SpecError: If there are too few or too many, or both kinds, or the cluster cannot be had.
    """
    from engine.dispatch import cluster, processes

    if options.cluster is None:
        if options.workers is None:
            return None
        check_integer("--workers", options.workers, 1, 1000)
        return processes(options.workers)
    if options.workers is not None:
        accepts = "nothing beside --workers: the cluster's workers train, or this machine's"
        raise SpecError("--cluster", options.cluster, accepts)
    workers = cluster(options.cluster)
    with workers():  # else a search would first do its own part in vain
        return workers


@contextmanager
def carrying_out(store: Any, workers: Any) -> Iterator[Any]:
    """Yield ``carry_out(named)``, which draws the progress of runs and returns each one's `Run`.

    It takes the runs with what each is called, and raises `ValueError` with the name of the first
    that ends without a result.

    Args:
        store: Keeps the runs.
        workers: Carry them out side by side; None for this process, one after the other.
    """
    from engine.dispatch import Dispatcher
    from engine.experiment import run

    if workers is None:
        yield lambda named: _followed(named, ((s, event) for s in named for event in run(s, store)))
        return
    with Dispatcher(workers, store) as dispatcher:

        def carry_out(named: Mapping[RunSpec, str]) -> dict[RunSpec, Any]:
            dispatcher.begin(named)
            return _followed(named, dispatcher.follow())

        yield carry_out


def _followed(
    named: Mapping[RunSpec, str], told: Iterable[tuple[RunSpec, Any]]
) -> dict[RunSpec, Any]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from engine.events import EpochDone, Finished, Started

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    ended: dict[RunSpec, Any] = {}
    with Progress(*columns, transient=True) as progress:
        whole = progress.add_task("runs", total=len(named))
        bars: dict[RunSpec, Any] = {}
        for spec, event in told:
            if isinstance(event, Started):
                if spec not in bars:
                    bars[spec] = progress.add_task(named[spec])
                progress.update(bars[spec], completed=0, total=event.epochs)
            elif isinstance(event, EpochDone):
                progress.update(bars[spec], completed=event.epoch)
            elif isinstance(event, Finished):
                ended[spec] = event.run
                progress.update(whole, completed=len(ended))
                if spec in bars:
                    progress.remove_task(bars.pop(spec))
            else:
                raise ValueError(f"{named[spec]}: {event.note}")
    return {spec: ended[spec] for spec in named}
