"""Gradual narrowing: which widths are trained when, and what goes on from one to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from engine.graphs import Graph
from engine.learning import narrowing
from engine.learning.batch import Batch
from engine.learning.feed import WholeGraph
from engine.learning.narrowing import fit_narrowing, widened
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.learning.training import Cancelled, Diverged, Epoch, fit
from engine.spec import (
    Bucket,
    LayerQuant,
    Protection,
    QuantSpec,
    RunSpec,
    TrainingSpec,
    scheme,
    vary,
)

TWO = vary(scheme("qat", bits=2), rule="learned-range", truncation="plain")


def made(graph: Graph, spec: RunSpec) -> tuple[Network, WholeGraph, torch.Generator]:
    generator = torch.Generator().manual_seed(0)
    layers = spec.model.layer_specs(graph.features, graph.classes)
    feed = WholeGraph(Batch.of(graph), DegreeProtection(graph, Protection()))
    return Network(layers, spec.quant, generator), feed, generator


def test_nothing_is_narrower_than_a_width() -> None:
    quant = LayerQuant(
        input=QuantSpec(bits=16),
        weight=QuantSpec(bits=4),
        message=QuantSpec(bits=2, truncation="skewed"),
    )
    assert widened(quant, 8) == LayerQuant(
        input=QuantSpec(bits=16), weight=QuantSpec(bits=8), message=QuantSpec(bits=8)
    )


def test_no_bucket_is_narrower_either() -> None:
    spec = QuantSpec(bits=4, buckets=(Bucket(degree=2, bits=3), Bucket(degree=4, bits=2)))
    buckets = (Bucket(degree=2, bits=8), Bucket(degree=4, bits=8))
    assert widened(LayerQuant(input=spec), 8).input == QuantSpec(bits=8, buckets=buckets)
    buckets = (Bucket(degree=2, bits=3), Bucket(degree=4, bits=3))
    assert widened(LayerQuant(input=spec), 3).input == QuantSpec(bits=4, buckets=buckets)


def test_widths_fall_over_equal_shares_of_the_epochs(
    karate: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each stage starts where the one before had its best epoch."""
    seen: list[tuple[int, int, torch.Tensor, torch.Tensor]] = []

    def watched(network: Network, *rest: object) -> Iterator[Epoch]:
        begun = network.layers[0].weight.detach().clone()
        yield from fit(network, *rest)  # type: ignore[arg-type]
        training = rest[1]
        assert isinstance(training, TrainingSpec)
        ended = network.layers[0].weight.detach().clone()
        seen.append((network.layers[0].quant.message.bits, training.epochs, begun, ended))

    monkeypatch.setattr(narrowing, "fit", watched)
    network, feed, generator = made(karate, TWO)
    first = network.layers[0].weight.detach().clone()
    training = TrainingSpec(epochs=11, narrowing=(8, 4))
    epochs = list(fit_narrowing(network, feed, training, generator))
    assert [epoch.epoch for epoch in epochs] == list(range(1, 12))
    assert [(bits, count) for bits, count, _, _ in seen] == [(8, 3), (4, 3), (2, 5)]
    assert torch.equal(seen[0][2], first)
    for before, after in pairwise(seen):
        assert torch.equal(before[3], after[2])
    assert torch.equal(seen[-1][3], network.layers[0].weight)
    assert {held.spec.bits for _, held in network.quantizers()} == {2, 32}
    assert not network.training
    assert all(held.qparams() for _, held in network.quantizers() if not held.spec.is_float)


def test_without_narrowing_it_is_fit(karate: Graph) -> None:
    training = TrainingSpec(epochs=3)
    one, feed, generator = made(karate, TWO)
    found = [replace(e, epoch_ms=0.0) for e in fit_narrowing(one, feed, training, generator)]
    other, feed, generator = made(karate, TWO)
    expected = [replace(e, epoch_ms=0.0) for e in fit(other, feed, training, generator)]
    assert found == expected


def test_an_ending_says_at_which_width(karate: Graph) -> None:
    network, feed, generator = made(karate, TWO)
    wild = TrainingSpec(epochs=4, narrowing=(8,))
    with pytest.raises(Cancelled, match="at 8 bits, cancelled after 0 of 2 epochs"):
        list(fit_narrowing(network, feed, wild, generator, lambda: True))
    with torch.no_grad():
        network.layers[0].weight.fill_(float("nan"))
    with pytest.raises(Diverged, match="at 8 bits, the loss was nan before the first step"):
        list(fit_narrowing(network, feed, wild, generator))
