"""Training: repeatable, its best epoch kept, cancelled and diverged runs ended with a sentence."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from torch import Tensor

from engine.graphs import Graph
from engine.learning.batch import Batch
from engine.learning.features import SparseRows
from engine.learning.feed import WholeGraph
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.learning.training import Cancelled, Diverged, Epoch, fit
from engine.spec import (
    LayerQuant,
    LearnedRange,
    LearnedStep,
    ModelSpec,
    Protection,
    QuantSpec,
    RunSpec,
    Schedule,
    TrainingSpec,
    scheme,
)

EPOCHS = TrainingSpec(epochs=12)
SCHEMES = ["float", "qat", "degree-quant"]


OPERATORS = [
    ModelSpec(operator="gat"),
    ModelSpec(operator="gin"),
    ModelSpec(operator="sage"),
    ModelSpec(operator="sage", aggregation="max", batch_norm=True),
]


def spec_of(name: str, model: ModelSpec = ModelSpec(), **training: object) -> RunSpec:
    protection = Protection(p_min=0.2, p_max=0.5) if name == "degree-quant" else None
    held = replace(EPOCHS, **training)
    return scheme(name, bits=4, model=model, training=held, protection=protection)


def start(graph: Graph, spec: RunSpec, seed: int = 0) -> tuple[Network, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    layers = spec.model.layer_specs(graph.features, graph.classes)
    network = Network(layers, spec.quant, generator)
    return network, generator


def states(network: Network) -> dict[str, Tensor]:
    return deepcopy(network.state_dict())


def assert_same_state(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def train(graph: Graph, spec: RunSpec, seed: int = 0) -> tuple[Network, list[Epoch]]:
    network, generator = start(graph, spec, seed)
    protection = DegreeProtection(graph, spec.protection)
    return network, list(
        fit(network, WholeGraph(Batch.of(graph), protection), spec.training, generator)
    )


def timeless(epochs: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, epoch_ms=0.0) for epoch in epochs]


@pytest.mark.parametrize("model", [ModelSpec(), *OPERATORS], ids=lambda model: model.operator)
@pytest.mark.parametrize("name", SCHEMES)
def test_the_same_seed_is_the_same_run(karate: Graph, name: str, model: ModelSpec) -> None:
    spec = spec_of(name, model)
    network, epochs = train(karate, spec)
    torch.manual_seed(99)
    again, epochs_again = train(karate, spec)
    assert timeless(epochs) == timeless(epochs_again)
    assert_same_state(states(network), states(again))
    other, _ = train(karate, spec, seed=1)
    assert not torch.equal(other.layers[0].weight, network.layers[0].weight)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_best_epoch_is_kept(karate: Graph, name: str) -> None:
    spec = spec_of(name)
    network, generator = start(karate, spec)
    batch = Batch.of(karate)
    protection = DegreeProtection(karate, spec.protection)
    after: list[tuple[Epoch, dict[str, Tensor]]] = [
        (epoch, states(network))
        for epoch in fit(network, WholeGraph(batch, protection), spec.training, generator)
    ]
    best, expected = max(after, key=lambda one: (one[0].validation, -one[0].validation_loss))
    assert_same_state(states(network), expected)
    assert not network.training
    assert [epoch.epoch for epoch, _ in after] == list(range(1, 13))
    assert [epoch.epoch for epoch, _ in after if epoch.best][-1] == best.epoch
    seen: tuple[float, float] = (-1.0, 0.0)
    for epoch, _ in after:
        rank = epoch.validation, -epoch.validation_loss
        assert epoch.best == (rank > seen)
        seen = max(seen, rank)


def test_an_epoch_as_good_as_the_best_is_not_better(karate: Graph) -> None:
    spec = spec_of("float", weight_decay=0)
    network, generator = start(karate, spec)
    for parameter in network.parameters():
        parameter.register_hook(torch.zeros_like)
    held = fit(
        network,
        WholeGraph(Batch.of(karate), DegreeProtection(karate, Protection())),
        spec.training,
        generator,
    )
    assert [epoch.best for epoch in held] == [True] + [False] * 11


def test_records_are_measured_on_their_nodes(karate: Graph) -> None:
    spec = spec_of("qat", epochs=1)
    network, epochs = train(karate, spec)
    batch = Batch.of(karate)
    with torch.no_grad():
        scores = network(batch.x, batch.adjacencies)
    classes = scores.argmax(dim=1).numpy()
    (epoch,) = epochs
    assert epoch.train == pytest.approx((classes == karate.y)[karate.train].mean())
    assert epoch.validation == pytest.approx((classes == karate.y)[karate.val].mean())
    log_shares = torch.log_softmax(scores, dim=1)[karate.val, karate.y[karate.val]]
    assert epoch.validation_loss == pytest.approx(-log_shares.mean().item(), rel=1e-5)
    assert epoch.epoch_ms > 0
    assert epoch.to_dict()["best"] is True


@pytest.mark.parametrize("name", ["float", "degree-quant"])
@pytest.mark.parametrize("model", OPERATORS, ids=lambda model: model.operator)
def test_every_operator_learns(digits: Graph, name: str, model: ModelSpec) -> None:
    _, epochs = train(digits, spec_of(name, replace(model, hidden=32, dropout=0.1), epochs=40))
    assert epochs[-1].loss < 0.6 * epochs[0].loss
    assert max(epoch.validation for epoch in epochs) > 0.7


def test_training_learns(digits: Graph) -> None:
    _, epochs = train(digits, spec_of("float", epochs=40))
    assert epochs[-1].loss < 0.6 * epochs[0].loss
    assert max(epoch.validation for epoch in epochs) > 0.7


def test_learning_rates_fall_by_half_a_cosine(karate: Graph) -> None:
    """By Adam's first step, which moves each weight by the rate: of an epoch, and of the next."""
    moved = {}
    for schedule in get_args(Schedule):
        spec = spec_of("float", epochs=12, schedule=schedule)
        network, generator = start(karate, spec)
        feed = WholeGraph(Batch.of(karate), DegreeProtection(karate, spec.protection))
        weight = network.layers[0].weight.detach()
        held = [weight.clone()]
        held += [weight.clone() for _ in fit(network, feed, spec.training, generator)]
        moved[schedule] = [(b - a).abs().max().item() for a, b in pairwise(held)]
    constant, cosine = moved["constant"], moved["cosine"]
    assert cosine[0] == constant[0] == pytest.approx(spec.training.lr, rel=1e-3)
    assert cosine[1] == pytest.approx(constant[1] * (1 + math.cos(math.pi / 12)) / 2, rel=1e-3)
    assert cosine[-1] < 0.03 * constant[-1]


def test_weight_decay_is_the_first_layers(karate: Graph) -> None:
    spec = spec_of("float", epochs=30, lr=0.05)
    plain, _ = train(karate, replace(spec, training=replace(spec.training, weight_decay=0)))
    decayed, _ = train(karate, replace(spec, training=replace(spec.training, weight_decay=1)))
    assert decayed.layers[0].weight.norm() < 0.2 * plain.layers[0].weight.norm()
    assert decayed.layers[1].weight.norm() > 0.5 * plain.layers[1].weight.norm()


def test_cancelled_between_steps_keeps_the_best(karate: Graph) -> None:
    spec = spec_of("degree-quant")
    network, generator = start(karate, spec)
    protection = DegreeProtection(karate, spec.protection)
    asked = iter([False] * 5 + [True])
    seen: list[tuple[Epoch, dict[str, Tensor]]] = []
    epochs = fit(
        network,
        WholeGraph(Batch.of(karate), protection),
        spec.training,
        generator,
        lambda: next(asked),
    )
    with pytest.raises(Cancelled, match="cancelled after 5 of 12 epochs"):
        seen.extend((epoch, states(network)) for epoch in epochs)
    assert len(seen) == 5
    best = [state for epoch, state in seen if epoch.best][-1]
    assert_same_state(states(network), best)


def test_left_alone_midway_it_keeps_the_best(karate: Graph) -> None:
    spec = spec_of("qat")
    network, generator = start(karate, spec)
    held = fit(
        network,
        WholeGraph(Batch.of(karate), DegreeProtection(karate, Protection())),
        spec.training,
        generator,
    )
    state = {}
    for epoch in held:
        if epoch.best:
            state = states(network)
        if epoch.epoch == 4:
            break
    held.close()
    assert_same_state(states(network), state)


@pytest.mark.parametrize("name", SCHEMES)
def test_features_that_are_not_finite_end_the_run(karate: Graph, name: str) -> None:
    spec = spec_of(name)
    network, generator = start(karate, spec)
    before = states(network)
    batch = Batch.of(karate)
    assert isinstance(batch.x, SparseRows)
    batch.x.values[3] = torch.nan
    protection = DegreeProtection(karate, Protection())
    with pytest.raises(Diverged, match="the loss was nan before the first step; try fewer"):
        list(fit(network, WholeGraph(batch, protection), spec.training, generator))
    assert_same_state(states(network), before)


def test_weights_that_leave_the_numbers_are_never_the_best(karate: Graph) -> None:
    """The loss before the step is still fine, and class 0 of NaN scores may look accurate."""
    spec = spec_of("qat")
    network, generator = start(karate, spec)
    steps = iter(range(100))
    weight = network.layers[1].weight
    weight.register_hook(lambda grad: grad * (torch.nan if next(steps) == 3 else 1))
    seen = []
    held = fit(
        network,
        WholeGraph(Batch.of(karate), DegreeProtection(karate, Protection())),
        spec.training,
        generator,
    )
    with pytest.raises(Diverged, match="a score was not finite at epoch 4; try a lower"):
        seen.extend(held)
    assert len(seen) == 3
    assert all(value.isfinite().all() for value in network.state_dict().values())


def test_without_validation_nodes_the_last_epoch_is_kept(karate: Graph) -> None:
    spec = spec_of("qat")
    network, generator = start(karate, spec)
    batch = replace(Batch.of(karate), validation=torch.zeros(0, dtype=torch.int64))
    last: dict[str, Tensor] = {}
    epochs = []
    for epoch in fit(
        network, WholeGraph(batch, DegreeProtection(karate, Protection())), spec.training, generator
    ):
        epochs.append(epoch)
        last = states(network)
    assert all(epoch.best for epoch in epochs)
    assert {(epoch.validation, epoch.validation_loss) for epoch in epochs} == {(0.0, 0.0)}
    assert_same_state(states(network), last)


def test_learned_steps_train(karate: Graph) -> None:
    spec = QuantSpec(bits=4, range=LearnedStep())
    run = replace(spec_of("qat"), quant=(LayerQuant(feature=spec, message=spec),) * 2)
    network, epochs = train(karate, run)
    assert epochs[-1].loss < epochs[0].loss
    held = network.layers[0].quantizers["feature"]
    batch = Batch.of(karate)
    fresh, generator = start(karate, run)
    next(
        fit(
            fresh,
            WholeGraph(batch, DegreeProtection(karate, Protection())),
            run.training,
            generator,
        )
    )
    assert held.scale != fresh.layers[0].quantizers["feature"].scale


@pytest.mark.parametrize("rule", [LearnedRange(lr=0.25), LearnedStep(lr=0.25)])
def test_ranges_train_at_their_own_rate_and_do_not_decay(
    karate: Graph, rule: LearnedRange | LearnedStep
) -> None:
    """Adam's first step is the rate, whatever the gradient."""
    spec = QuantSpec(bits=4, range=rule)
    run = replace(spec_of("qat", epochs=1), quant=(LayerQuant(feature=spec),) * 2)
    run = replace(run, training=replace(run.training, weight_decay=10))
    network, generator = start(karate, run)
    held = network.layers[0].quantizers["feature"]
    batch, protection = Batch.of(karate), DegreeProtection(karate, Protection())
    network.train()
    network(batch.x, batch.adjacencies, generator=torch.Generator().manual_seed(1))
    (before,) = [parameter.detach().clone() for parameter in held.parameters()]
    list(fit(network, WholeGraph(batch, protection), run.training, generator))
    (after,) = held.parameters()
    assert (after - before).abs().item() == pytest.approx(0.25, rel=1e-4)


def test_features_without_any_entry_can_be_learned_on(karate: Graph) -> None:
    nothing = replace(karate, x=csr_array((karate.nodes, 5), dtype=np.float32))
    for name in SCHEMES:
        _, epochs = train(nothing, spec_of(name, epochs=3))
        assert np.isfinite(epochs[-1].loss)


def test_batch_is_the_graph(karate: Graph, digits: Graph) -> None:
    batch = Batch.of(karate)
    assert batch.train.tolist() == np.flatnonzero(karate.train).tolist()
    assert batch.validation.tolist() == np.flatnonzero(karate.val).tolist()
    assert batch.test.tolist() == np.flatnonzero(karate.test).tolist()
    assert batch.y.tolist() == karate.y.tolist()
    np.testing.assert_array_equal(batch.x @ torch.eye(karate.features), karate.x.toarray())
    np.testing.assert_array_equal(Batch.of(digits).x, digits.x)


def test_double_precision_is_the_same_batch(karate: Graph, digits: Graph) -> None:
    for graph in (karate, digits):
        network, _ = start(graph, spec_of("float"))
        network.eval()
        batch = Batch.of(graph)
        wide = batch.double()
        with torch.no_grad():
            scores = network(batch.x, batch.adjacencies)
            exact = network.double()(wide.x, wide.adjacencies)
        assert exact.dtype == torch.float64
        torch.testing.assert_close(exact.float(), scores, rtol=1e-4, atol=1e-5)
        assert torch.equal(wide.test, batch.test)


def test_targets_are_learned_and_the_epoch_of_least_error_is_kept(karate: Graph) -> None:
    pull = karate.in_degree[:, None].astype(np.float32)
    y = np.full_like(karate.y, -1)
    graph = replace(karate, targets=pull, classes=0, y=y)
    spec = scheme("float", training=TrainingSpec(epochs=60, lr=0.05))
    network = Network(spec.model.layer_specs(graph.features, graph.outputs), spec.quant)
    batch = Batch.of(graph)
    assert batch.y.dtype == torch.float32
    feed = WholeGraph(batch, DegreeProtection(graph, Protection()))
    epochs = list(fit(network, feed, spec.training, torch.Generator().manual_seed(0)))
    best = [epoch for epoch in epochs if epoch.best][-1]
    assert best.validation == min(epoch.validation for epoch in epochs)
    assert best.validation == pytest.approx(best.validation_loss), "the loss is the error"
    assert epochs[-1].train < 0.7 * epochs[0].train
    with torch.no_grad():
        outputs = network(batch.x, batch.adjacencies)
    held = np.abs(outputs.numpy() - pull)[graph.val].mean()
    assert held == pytest.approx(best.validation, rel=1e-5)
