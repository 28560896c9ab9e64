"""Running statistics of batch normalisations, as evaluation needs them."""

from __future__ import annotations

import torch

from engine.learning.batch_norm import BatchNorm
from engine.learning.feed import Feed
from engine.learning.network import Network

ENOUGH = 1 << 17
"""Nodes whose mean and variance are those of all, for any purpose."""


@torch.no_grad()
def restate(network: Network, feed: Feed) -> None:
    """Let running statistics be the mean of those of forwards in which every row is quantized.

    A protected node keeps numbers that are cut off in evaluation. Where degrees are as uneven as
    hubs', its neighbours' sums make a batch's variance many times that of any evaluated one, and a
    network that is right by its batch's statistics is wrong by the running ones. With no node
    protected, or nothing normalised, they are left alone. Of a large set, they are the mean of as
    many forwards as have `ENOUGH` nodes.

    Args:
        network: In evaluation after it, its ranges as they were.
        feed: What it learned from.

    Source:
        Nagel et al., Overcoming Oscillations in Quantization-Aware Training, ICML 2022, section
        3.3, who restate them once, after training; Wu and Johnson, Rethinking "Batch" in BatchNorm,
        2021, for how few examples do.
    """
    network.eval()
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    if not norms or not feed.protects:
        return
    momenta, nodes = [norm.momentum for norm in norms], 0
    for count, batch in enumerate(feed.learned(), start=1):
        for norm in norms:
            norm.train()
            norm.momentum = 1 / count
        network(batch.x, batch.adjacencies)
        nodes += batch.x.shape[0]
        if nodes >= ENOUGH:
            break
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
