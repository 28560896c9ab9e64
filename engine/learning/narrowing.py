"""Gradual narrowing: training begins in wider codes and ends in those that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from engine.learning.distillation import Teacher
from engine.learning.feed import Feed
from engine.learning.network import Network
from engine.learning.training import Cancelled, Diverged, Epoch, fit
from engine.learning.weights import learned
from engine.spec import Component, LayerQuant, QuantSpec, TrainingSpec


def fit_narrowing(
    network: Network,
    feed: Feed,
    training: TrainingSpec,
    generator: torch.Generator,
    cancelled: Callable[[], bool] = lambda: False,
    teacher: Teacher | None = None,
) -> Iterator[Epoch]:
    """Train a network in place as `fit` does, through wider ones where the training asks for them.

    Each width of ``training.narrowing`` has an equal share of the epochs, and what is left is the
    network's own. A stage starts from the weights of the best epoch before it; ranges, learned ones
    too, and the optimizer's moments start anew, for a code of another width means something else.

    Args:
        network: Trained in place; at the end it holds the best epoch of its own widths.
        feed: What it learns from.
        training: Epochs, widths, learning rate and weight decay.
        generator: Source of dropout, masks and the order of a set.
        cancelled: Asked between steps.
        teacher: What it learns from beside the labels, if anything.

    Raises:
        Diverged: If loss or scores are not finite; the message says at which width.
        Cancelled: If ``cancelled()`` was true.
    """
    share = training.epochs // (len(training.narrowing) + 1)
    specs = [layer.spec for layer in network.layers]
    quant = [layer.quant for layer in network.layers]
    done, before = 0, network
    for width in training.narrowing:
        stage = Network(specs, [widened(of_layer, width) for of_layer in quant])
        _carry(before, stage)
        part = replace(training, epochs=share, narrowing=())
        try:
            for epoch in fit(stage, feed, part, generator, cancelled, teacher):
                yield replace(epoch, epoch=done + epoch.epoch)
        except (Diverged, Cancelled) as ending:
            raise type(ending)(f"at {width} bits, {ending}") from None
        done, before = done + share, stage
    if before is not network:
        _carry(before, network)
    last = replace(training, epochs=training.epochs - done, narrowing=())
    for epoch in fit(network, feed, last, generator, cancelled, teacher):
        yield replace(epoch, epoch=done + epoch.epoch)


def widened(quant: LayerQuant, bits: int) -> LayerQuant:
    """Return a layer's quantization with no component narrower than a width, in no bucket."""

    def wider(_: Component, spec: QuantSpec) -> QuantSpec:
        if spec.bits < bits:
            spec = replace(spec, bits=bits, truncation="none")
        buckets = tuple(replace(b, bits=max(b.bits, bits)) for b in spec.buckets)
        return replace(spec, buckets=buckets)

    return quant.map(wider)


def _carry(one: Network, other: Network) -> None:
    """Put a network's weights and running statistics into another of the same shape."""
    held = dict(learned(one))
    with torch.no_grad():
        for name, tensor in learned(other):
            tensor.copy_(held[name])
