"""A quantizer that stands for several: one of them at a time, or their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from engine.affine import QParams
from engine.learning.network import Network, Slot
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import Quantizer, quantizer
from engine.spec import Current, QuantSpec


class Mixture(Quantizer):
    """One of several quantizers, chosen from outside.

    In training the ranges of all follow every batch, so that each is ready whenever it is chosen.
    What is learned and exported is that of the one that is chosen; with a single option it is that
    quantizer.

    Args:
        specs: What it chooses from.
        channels: Columns of the tensor, where the granularity is per channel.

    Raises:
        ValueError: If there is nothing to choose from.
    """

    options: Sequence[Quantizer]

    def __init__(self, specs: Sequence[QuantSpec], channels: int = 1) -> None:
        if not specs:
            raise ValueError("a mixture needs at least one option, got none")
        super().__init__(specs[0])
        made = nn.ModuleList(quantizer(spec, channels) for spec in specs)
        self.options = cast("Sequence[Quantizer]", made)
        self._chosen = 0
        self._shares: Tensor | None = None

    @property
    def keeps_zero(self) -> bool:
        """Whether 0.0 stays 0.0 whichever is chosen."""
        return all(option.keeps_zero for option in self.options)

    @property
    def chosen(self) -> Quantizer:
        """The quantizer in use."""
        return self.options[self._chosen]

    def choose(self, option: int, shares: Tensor | None = None) -> None:
        """Use one of the options from now on.

        Args:
            option: Its number.
            shares: Probabilities of all options, [options], that a backward is to reach; None for
                none.
        """
        self._chosen, self._shares = option, shares
        self.spec = self.chosen.spec

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return the chosen quantizer's ``x_hat``.

        Gradient:
            To ``x``, that of the chosen quantizer k. To the shares ``p_j``, where there are some,
            ``<grad, x_hat_j - x_hat_k>``: what a first step from k to j would change.
        """
        x_hat: Tensor = self.chosen(x, protected)
        if self._shares is None:
            if self.training:
                self._follow(x, protected)
            return x_hat
        with torch.no_grad():
            others = [
                x_hat if option is self.chosen else option(x, protected) for option in self.options
            ]
        moved: Tensor = _Moves.apply(x_hat, self._shares, others)  # type: ignore[no-untyped-call]
        return moved

    def qparams(self) -> QParams | None:
        """Return what the chosen quantizer learned."""
        return self.chosen.qparams()

    @torch.no_grad()
    def _follow(self, x: Tensor, protected: ProtectedRows | None) -> None:
        """Let the ranges of the options that are not chosen follow a batch."""
        for option in self.options:
            if option is not self.chosen and not isinstance(option.spec.range, Current):
                option(x, protected)

    def load(self, params: QParams | None) -> None:
        """Let the chosen quantizer take scale and zero point from outside."""
        self.chosen.load(params)


class Blend(Mixture):
    """The mean of several quantizers' tensors, by shares: ``x_hat = sum_j p_j x_hat_j``.

    Without shares it is the chosen one.
    """

    def forward(self, x: Tensor, protected: ProtectedRows | None = None) -> Tensor:
        """Return the mean by shares, differentiable in ``x`` and in the shares."""
        if self._shares is None:
            return super().forward(x, protected)
        parts = [option(x, protected) for option in self.options]
        return torch.stack(
            [share * part for share, part in zip(self._shares, parts, strict=True)]
        ).sum(0)


def mix(
    network: Network, options: Mapping[Slot, Sequence[QuantSpec]], kind: type[Mixture] = Mixture
) -> dict[Slot, Mixture]:
    """Put mixtures in the place of a network's quantizers.

    A weighted graph's edge weights keep the width that the network was made with.

    Args:
        network: Changed in place.
        options: What each slot chooses from; the others stay as they are.
        kind: Which mixture.

    Returns:
        The mixtures by slot.
    """
    mixtures: dict[Slot, Mixture] = {}
    for (index, name), specs in options.items():
        layer = network.layers[index]
        mixture = kind(specs, layer.spec.constants.get(name, (1,))[-1])
        cast("nn.ModuleDict", layer.quantizers)[name] = mixture
        mixtures[index, name] = mixture
    return mixtures


class _Moves(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_hat: Tensor, shares: Tensor, others: list[Tensor]) -> Tensor:
        ctx.x_hat, ctx.others = x_hat, others
        return x_hat.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads
        effects = [(grad * (other - ctx.x_hat)).sum() for other in ctx.others]
        return grad, torch.stack(effects), None
