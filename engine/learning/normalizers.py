"""Normalisations over the nodes, each before its quantizer: what keeps deep stacks apart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.learning.adjacency import Adjacencies
from engine.spec import DiffGroupNorm, LayerSpec, PairNorm
from engine.spec.normalization import EPS

Quantize = Callable[[str, Tensor], Tensor]
"""Takes a slot and its real numbers; returns its ``x_hat``."""

MOMENTUM = 0.1
"""Share of the newest batch in running statistics."""


class Normalizer(nn.Module, ABC):
    """A map from the outputs of all nodes to what the activation is of."""

    @abstractmethod
    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw what it learns."""

    @abstractmethod
    def forward(self, x: Tensor, adjacencies: Adjacencies, q: Quantize) -> Tensor:
        """Return normalised rows, not quantized yet, [N, F].

        Args:
            x: Outputs as they are held, [N, F].
            adjacencies: Whose nodes they are of.
            q: Quantizes the slots between.
        """

    @abstractmethod
    def folded(self) -> dict[str, Tensor]:
        """Return what it learned by the names in `LayerSpec.constants`."""


class PairNormalizer(Normalizer):
    """PairNorm, of each graph by itself; it learns nothing, and has no running statistics.

    Source:
        Zhao and Akoglu, PairNorm: Tackling Oversmoothing in GNNs, ICLR 2020.
    """

    def __init__(self, how: PairNorm) -> None:
        super().__init__()
        self.how = how

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw nothing."""

    def forward(self, x: Tensor, adjacencies: Adjacencies, q: Quantize) -> Tensor:
        """Return ``scale (x - mean) / length``."""
        return pair_normalized(x, self.how, adjacencies)

    def folded(self) -> dict[str, Tensor]:
        """Return nothing."""
        return {}


class GroupNormalizer(Normalizer):
    """Differentiable group normalisation, without a row for each node and group.

        logit = Q(x group_weight_hat)          share = Q(softmax(logit))
        scale = Q(share gain_hat)              x + weight (x scale) + bias

    Batch normalising ``share_g x`` is ``gain_g share_g x + shift_g``, so that what all groups add
    is one product of shares and gains, and one bias, their weighted shifts. Mean and variance over
    the nodes are products as well, taken in float64, for the variance is a difference of them.

    Args:
        features: Features F.
        how: Its constants.

    Source:
        Zhou et al., Towards Deeper Graph Neural Networks with Differentiable Group Normalization,
        NeurIPS 2020.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, how: DiffGroupNorm) -> None:
        super().__init__()
        self.how = how
        self.group_weight = nn.Parameter(torch.empty(features, how.groups))
        self.gain = nn.Parameter(torch.ones(how.groups, features))
        self.shift = nn.Parameter(torch.zeros(how.groups, features))
        self.register_buffer("running_mean", torch.zeros(how.groups, features))
        self.register_buffer("running_var", torch.ones(how.groups, features))

    def initialize(self, generator: torch.Generator | None) -> None:
        """Draw the map to the groups as Glorot and Bengio do."""
        nn.init.xavier_uniform_(self.group_weight, generator=generator)

    def forward(self, x: Tensor, adjacencies: Adjacencies, q: Quantize) -> Tensor:
        """Return ``x + weight (x scale) + bias``."""
        logit = q("group_logit", x @ q("group_weight", self.group_weight))
        share = q("group_share", logit.softmax(1))
        if self.training and len(x) > 1:
            gain, bias = self._folded(*self._statistics(share, x))
        else:
            gain, bias = self._folded(self.running_mean, self.running_var)
        scale = q("group_scale", share @ q("group_gain", gain.float().to(x.dtype)))
        return x + self.how.weight * x * scale + bias.float()

    def folded(self) -> dict[str, Tensor]:
        """Return the map to the groups, each group's gain, and the bias of all."""
        gain, bias = self._folded(self.running_mean, self.running_var)
        return {"group_weight": self.group_weight, "group_gain": gain, "group_bias": bias}

    def _statistics(self, share: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of ``share_g x`` over rows, float64 [G, F] each."""
        rows, share, x = len(x), share.double(), x.double()
        mean = share.t() @ x / rows
        variance = (share.square().t() @ x.square() / rows - mean.square()).clamp(min=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), MOMENTUM)
            unbiased = variance * (rows / (rows - 1))
            self.running_var.lerp_(unbiased.to(self.running_var.dtype), MOMENTUM)
        return mean, variance

    def _folded(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return gain [G, F] and bias [F] of statistics, in float64."""
        gain = self.gain.double() / (variance.double() + EPS).sqrt()
        shift = self.shift.double() - gain * mean.double()
        return gain, self.how.weight * shift.sum(0)


def normalizer(spec: LayerSpec) -> Normalizer | None:
    """Return what normalises a layer's output over the nodes, if anything does."""
    match spec.normalization:
        case PairNorm() as how:
            return PairNormalizer(how)
        case DiffGroupNorm() as how:
            return GroupNormalizer(spec.outputs, how)
    return None


def pair_normalized(x: Tensor, how: PairNorm, adjacencies: Adjacencies) -> Tensor:
    """Return rows pair normalised within their graph, [N, F]."""
    pools, of_graph = adjacencies.pools, adjacencies.graphs
    centred = x - pools.mean(x)[of_graph]
    if how.by_node:
        lengths = EPS + torch.linalg.vector_norm(centred, dim=1, keepdim=True)
    else:
        squares = pools.mean(centred.square().sum(1, keepdim=True))
        lengths = (EPS + squares[of_graph]).sqrt()
    normalized: Tensor = how.scale * centred / lengths
    return normalized
