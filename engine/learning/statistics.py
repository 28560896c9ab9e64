"""Running statistics of batch normalisations, as evaluation needs them."""

from __future__ import annotations

import torch

from engine.learning.batch_norm import BatchNorm
from engine.learning.feed import Feed
from engine.learning.network import Network


@torch.no_grad()
def restate(network: Network, feed: Feed) -> None:
    """Let running statistics be the mean of those of forwards in which every row is quantized.

    A protected node keeps numbers that are cut off in evaluation. Where degrees are as uneven as
    hubs', its neighbours' sums make a batch's variance many times that of any evaluated one, and a
    network that is right by its batch's statistics is wrong by the running ones. With no node
    protected, or nothing normalised, they are left alone.

    Args:
        network: In evaluation after it, its ranges as they were.
        feed: What it learned from.

    Source:
        Nagel et al., Overcoming Oscillations in Quantization-Aware Training, ICML 2022, section
        3.3, who restate them once, after training.
    """
    network.eval()
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    if not norms or not feed.protects:
        return
    momenta = [norm.momentum for norm in norms]
    for count, batch in enumerate(feed.learned(), start=1):
        for norm in norms:
            norm.train()
            norm.momentum = 1 / count
        network(batch.x, batch.adjacencies)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
