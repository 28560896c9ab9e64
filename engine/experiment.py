"""The one path a run takes: graph, training, export, integer forward, measurement, store."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.analysis import PROGRAM, REFERENCE, Analysis, Study, extent
from engine.events import Cancelled, Diverged, EpochDone, Event, Finished, Started
from engine.export import Simulation, export, reference
from engine.graphs import (
    Graph,
    calibration_part,
    check_task,
    expected_protected,
    measured_part,
    subset,
)
from engine.integer import Plan, bind, read, write
from engine.learning import training
from engine.learning.batch import Batch
from engine.learning.datasets import fetch
from engine.learning.distillation import Teacher
from engine.learning.feed import feed_of
from engine.learning.narrowing import fit_narrowing
from engine.learning.network import Network
from engine.learning.own import restore
from engine.learning.threads import threads_for
from engine.learning.training import Epoch
from engine.learning.weights import read_weights, write_weights
from engine.metrics.cost import bit_operations, multiply_adds
from engine.metrics.errors import relative_l2
from engine.metrics.merit import merit_of, result
from engine.peers import median_ms, torch_best
from engine.runs import AlreadyFinished, PendingRun, Run, RunStore
from engine.spec import LayerQuant, LayerSpec, OwnModel, RunSpec, float_twin

WEIGHTS = "weights.npz"
"""The file in which a float run keeps what finetuning starts from."""


def run(
    spec: RunSpec,
    store: RunStore,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    timeout_s: float = 600.0,
) -> Iterator[Event]:
    """Carry out a run, or find it in the store, yielding what happens; the last event ends it.

    Post-training quantization and finetuning start from the run's float twin, distillation learns
    from it. It is carried out first where the store does not have it, as a run of its own; of a
    person's own model that is the model as it is.

    Args:
        spec: What to run.
        store: Where runs are kept, and public graphs and own models beside them.
        cancelled: Asked between steps.
        timeout_s: How long to wait for another process that runs the same spec.

    Raises:
        GraphError: If the graph cannot be had, or is not one to learn on.
        StoreError: If the store cannot be written, or another process still runs the spec.
        AccumulatorOverflow: If no integer is wide enough for a stage on this graph.
    """
    if found := store.answer(spec.key):
        yield Finished(key=spec.key, run=found)
        return
    graph = fetch(spec.graph, store.folder)
    check_task(graph, spec.model)
    start: Run | None = None
    if spec.training.needs_float:
        ending: Event | None = None
        for ending in run(float_twin(spec), store, cancelled, timeout_s=timeout_s):
            if isinstance(ending, Started | EpochDone):
                yield ending
        if not isinstance(ending, Finished):
            assert ending is not None
            yield ending
            return
        start = ending.run
    try:
        pending = store.begin(spec, timeout_s=timeout_s)
    except AlreadyFinished as answered:
        yield Finished(key=spec.key, run=answered.run)
        return
    with pending:
        measured = measured_part(graph)
        batch = Batch.of(measured)
        layers = spec.model.layer_specs(graph.features, graph.outputs)
        with threads_for(multiply_adds(layers, extent(measured, batch.neighbourhoods, layers))):
            yield from _carry_out(
                spec, graph, measured, batch, start, store.folder, pending, cancelled
            )


def timed_again(run: Run, folder: Path) -> dict[str, float]:
    """Return a finished run's ``latency`` as it is now: another machine, or a quieter one.

    Args:
        run: Its program, and what that is compared with, are timed in turn.
        folder: Of the store, where people's own graphs are.
    """
    graph = measured_part(fetch(run.spec.graph, folder))
    with run.open(PROGRAM) as file, run.open(REFERENCE) as float_file:
        program, study = read(file), Study(graph, read(float_file))
    return _latency(study, bind(program, study.neighbourhoods, graph.x))


class RunEnded(RuntimeError):
    """A run was cancelled or diverged; its partial record is in the store."""


def complete(spec: RunSpec, store: RunStore | None = None) -> Run:
    """Carry out a run, or find it in the store, and return it.

    Args:
        spec: What to run.
        store: Where runs are kept; a person's own store by default.

    Raises:
        RunEnded: If it diverged; the message says when.
    """
    *_, ending = run(spec, RunStore() if store is None else store)
    if isinstance(ending, Finished):
        return ending.run
    assert isinstance(ending, Cancelled | Diverged)
    raise RunEnded(ending.note)


def _carry_out(
    spec: RunSpec,
    graph: Graph,
    measured: Graph,
    batch: Batch,
    start: Run | None,
    folder: Path,
    pending: PendingRun,
    cancelled: Callable[[], bool],
) -> Iterator[Event]:
    generator = torch.Generator().manual_seed(spec.seed)
    layers = spec.model.layer_specs(graph.features, graph.outputs)
    network = Network(layers, spec.quant, generator)
    epochs: list[Epoch] = []
    teacher = None
    if start is not None and spec.training.distillation:
        teacher = Teacher(_float_network(layers, start), spec.training.distillation)
    if start is not None and spec.training.starts_from_float:
        with start.open(WEIGHTS) as file:
            read_weights(network, file)
    if isinstance(spec.model, OwnModel) and spec.training.mode == "float":
        restore(network, spec.model, folder)
    elif start is not None and spec.training.mode == "ptq":
        with start.open(REFERENCE) as file:
            study = Study(measured, read(file), calibration_part(graph))
        program = study.preview(spec.quant).program
        network.load_qparams({slot: program.params_of(slot) for slot, _ in network.quantizers()})
    else:
        merit = merit_of(graph.labels)
        yield Started(key=spec.key, epochs=spec.training.epochs, merit=merit)
        feed = feed_of(graph, batch, spec.protection, spec.training.batch)
        began = time.perf_counter()
        try:
            for epoch in fit_narrowing(network, feed, spec.training, generator, cancelled, teacher):
                epochs.append(epoch)
                pending.epoch(epoch.to_dict())
                left = spec.training.epochs - epoch.epoch
                yield EpochDone(
                    epoch=epoch.epoch,
                    loss=epoch.loss,
                    train=epoch.train,
                    validation=epoch.validation,
                    seconds_left=left * (time.perf_counter() - began) / epoch.epoch,
                )
        except training.Cancelled as ending:
            pending.cancelled(f"{str(ending).capitalize()}.")
            yield Cancelled(key=spec.key, note=f"{str(ending).capitalize()}.")
            return
        except training.Diverged as ending:
            pending.diverged(f"{str(ending).capitalize()}.")
            yield Diverged(key=spec.key, note=f"{str(ending).capitalize()}.")
            return
    float_program = reference(network)
    program = export(network)
    analysis = Study(measured, float_program).analyse(program)
    simulation = Simulation(network, batch)
    metrics = _metrics(spec, analysis, simulation, epochs)
    if graph.is_set:
        judged = subset(graph, graph.val)
        simulated = Simulation(network, Batch.of(judged)).scores
        metrics[analysis.study.merit.name]["validation"] = result(simulated, judged.labels)
    pending.write(PROGRAM, lambda file: write(program, file))
    pending.write(REFERENCE, lambda file: write(float_program, file))
    if spec.training.mode == "float":
        pending.write(WEIGHTS, lambda file: write_weights(network, file))
    finished = pending.finish(metrics, _node_arrays(analysis, simulation))
    yield Finished(key=spec.key, run=finished)


def _latency(study: Study, plan: Plan) -> dict[str, float]:
    """Return the median times of the integers' forward and of the strongest in float32."""
    peer = torch_best(study.reference, study.neighbourhoods, study.graph)
    operations = multiply_adds(study.reference.layers, study.extent)
    with threads_for(operations) as threads:  # Numba's first kernel resets torch's number
        integer_ms, float_ms = median_ms(plan.run, peer)
    return {"integer_ms": integer_ms, "float_ms": float_ms, "threads": threads}


def _float_network(layers: Sequence[LayerSpec], run: Run) -> Network:
    """Return the network of a float run with the weights that it kept."""
    network = Network(layers, [LayerQuant()] * len(layers), torch.Generator())
    with run.open(WEIGHTS) as file:
        read_weights(network, file)
    return network


def _metrics(
    spec: RunSpec, analysis: Analysis, simulation: Simulation, epochs: list[Epoch]
) -> dict[str, Any]:
    study, plan, graph = analysis.study, analysis.plan, analysis.study.graph
    agreement = simulation.agreement(analysis.trace).to_dict()
    if graph.targets is not None:
        del agreement["same_class"]
    best = next((epoch for epoch in reversed(epochs) if epoch.best), None)
    layers = study.reference.layers
    return {
        study.merit.name: {
            **analysis.result,
            "simulated": result(simulation.scores[graph.test], graph.labels[graph.test]),
            "validation": result(simulation.scores[graph.val], graph.labels[graph.val]),
        },
        "best_epoch": best.epoch if best else 0,
        "agreement": agreement,
        "size": analysis.size,
        "cost": {"bit_operations": bit_operations(layers, spec.quant, study.extent)},
        "latency": _latency(study, plan),
        "epoch_ms": statistics.median(epoch.epoch_ms for epoch in epochs) if epochs else 0.0,
        "float_stages": plan.program.float_stages,
        "accumulators": [
            {
                "stage": proof.stage,
                "bound": proof.bound,
                "type": proof.accumulator.name,
                "headroom_bits": proof.headroom_bits,
            }
            for proof in plan.proofs
        ],
        "protected": {
            "expected": float(expected_protected(graph.in_degree, spec.protection, graph.starts))
        },
        "smoothness": {
            "float": [depth.to_dict() for depth in study.smoothness],
            "integer": [depth.to_dict() for depth in analysis.smoothness],
        },
        "propagation": [depth.to_dict() for depth in analysis.depths],
    }


def _node_arrays(analysis: Analysis, simulation: Simulation) -> dict[str, NDArray[Any]]:
    """Return what is kept of each node, [N]: its classes, and its relative error at every slot.

    In a set each graph has a class, [G], and once pooled an error; ``nodes`` says how large it is.
    Where targets are learned, the outputs are kept instead of classes, [N or G, T].
    """
    study = analysis.study
    arrays: dict[str, NDArray[Any]] = {"degree": study.graph.in_degree}
    predictions: dict[str, NDArray[Any]] = {
        "float": study.trace.scores,
        "simulated": simulation.scores,
        "integer": analysis.trace.scores,
    }
    for name, outputs in predictions.items():
        if study.graph.targets is None:
            arrays[f"class.{name}"] = outputs.argmax(axis=1)
        else:
            arrays[f"output.{name}"] = outputs.astype(np.float32)
    if study.graph.starts is not None:
        arrays["nodes"] = np.diff(study.graph.starts)
    for layer, shape in enumerate(study.reference.layers):
        for slot in shape.rows:
            exact = study.trace.real(layer, slot)
            forwards = {
                "integer": analysis.trace.real(layer, slot),
                "simulated": simulation.real((layer, slot)),
            }
            for name, x_hat in forwards.items():
                error = relative_l2(exact, x_hat).astype(np.float32)
                arrays[f"error.{name}.{layer}.{slot}"] = error
    return arrays
