"""Running statistics restated: those of forwards in which no row is protected."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from engine.graphs import Graph
from engine.learning.batch_norm import BatchNorm
from engine.learning.feed import Feed, MiniBatches
from engine.learning.network import Network
from engine.learning.statistics import restate
from engine.learning.training import fit
from engine.spec import ModelSpec, Protection, TrainingSpec, scheme

PROTECTED = Protection(p_min=0.5, p_max=0.9)
COUNTS = ("batches", "num_batches_tracked")


def trained(
    graph: Graph, protection: Protection, *, batch_norm: bool = True
) -> tuple[Network, Feed]:
    model = ModelSpec(operator="gin", hidden=8, batch_norm=batch_norm, pool="mean")
    training = TrainingSpec(epochs=2)
    spec = scheme("degree-quant", bits=4, model=model, protection=protection, training=training)
    shapes = model.layer_specs(graph.x.shape[1], graph.classes)
    network = Network(shapes, spec.quant, torch.Generator().manual_seed(0))
    feed = MiniBatches(graph, protection, 10)
    for _ in fit(network, feed, training, torch.Generator().manual_seed(1)):
        pass
    return network, feed


def state(network: Network) -> dict[str, Tensor]:
    return deepcopy(network.state_dict())


def norms(network: Network) -> list[BatchNorm]:
    return [module for module in network.modules() if isinstance(module, BatchNorm)]


def test_they_are_the_mean_of_what_quantized_batches_have(
    rings: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    network, feed = trained(rings, PROTECTED)
    for norm in norms(network):
        norm.running_mean.fill_(7)
        norm.running_var.fill_(7)
    before, seen = state(network), {id(norm): [] for norm in norms(network)}
    normalize = BatchNorm._normalized

    def recorded(norm: BatchNorm, x: Tensor, bias: Tensor | None = None) -> Tensor:
        seen[id(norm)].append(x if bias is None else x + bias)
        return normalize(norm, x, bias)

    monkeypatch.setattr(BatchNorm, "_normalized", recorded)
    restate(network, feed)
    assert len(norms(network)) > 1
    for norm in norms(network):
        batches = seen[id(norm)]
        assert len(batches) == len([*feed.learned()]) > 1
        mean = torch.stack([x.mean(0) for x in batches]).mean(0)
        variance = torch.stack([x.var(0) for x in batches]).mean(0)
        torch.testing.assert_close(norm.running_mean, mean)
        torch.testing.assert_close(norm.running_var, variance)
        assert norm.momentum == 0.1
        assert not norm.training
    for name, held in state(network).items():
        if "running" not in name and not name.endswith(COUNTS):
            assert torch.equal(held, before[name]), name


def test_of_a_large_set_a_part_does(rings: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    network, feed = trained(rings, PROTECTED)
    first, *others = feed.learned()
    assert others
    assert {int(y) for y in first.y} == {int(y) for part in others for y in part.y}
    taken: list[int] = []
    forward = type(network).forward
    monkeypatch.setattr(
        type(network),
        "forward",
        lambda *operands: taken.append(operands[1].shape[0]) or forward(*operands),
    )
    monkeypatch.setattr("engine.learning.statistics.ENOUGH", first.x.shape[0] + 1)
    restate(network, feed)
    assert taken == [first.x.shape[0], others[0].x.shape[0]]


@pytest.mark.parametrize(
    ("protection", "batch_norm"), [(Protection(), True), (PROTECTED, False)], ids=str
)
def test_they_are_left_alone_where_nothing_moves_them(
    rings: Graph, protection: Protection, batch_norm: bool
) -> None:
    network, feed = trained(rings, protection, batch_norm=batch_norm)
    before = state(network)
    network.train()
    restate(network, feed)
    assert not network.training
    assert all(torch.equal(held, before[name]) for name, held in state(network).items())


def test_training_restates_them_before_it_judges(rings: Graph) -> None:
    network, feed = trained(rings, PROTECTED)
    before = state(network)
    restate(network, feed)
    for name, held in state(network).items():
        if not name.endswith(COUNTS):
            torch.testing.assert_close(held, before[name], msg=name)
