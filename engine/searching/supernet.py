"""Every network of a space in one: they share their weights, and each is an ordinary network."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from engine.learning.batch import Batch
from engine.learning.mixture import Mixture, mix
from engine.learning.network import Network, Slot
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import Quantizer
from engine.search import Choice, Option, Space
from engine.spec import ModelSpec, QuantSpec
from engine.spec.layer import WEIGHTS

Mixtures = Mapping[str, Sequence[tuple[Slot, Mixture]]]
"""The mixtures at the slots of each choice, by the choice's name."""


@dataclass(slots=True, eq=False)
class Member:
    """One network of a space.

    Args:
        network: It, with a mixture at each slot that has a choice.
        mixtures: The mixtures.
        numel: Numbers held at each slot; filled by its first forward.
    """

    network: Network
    mixtures: Mixtures
    numel: dict[Slot, int] = field(default_factory=dict)


class Supernet(nn.Module):
    """The networks of a space, their weights views of shared ones.

    Networks of one operator share each layer's parameters: a narrower one takes the first rows and
    columns, a shallower one leaves out the last hidden layers. Ranges are each network's own.

    Args:
        space: What is chosen from.
        features: Features of a node, F.
        outputs: Scores or targets, C.
        generator: Source of the initial weights.
        kind: Which mixture stands at a slot with a choice.
    """

    def __init__(
        self,
        space: Space,
        features: int,
        outputs: int,
        generator: torch.Generator,
        kind: type[Mixture] = Mixture,
    ) -> None:
        super().__init__()
        self.space = space
        self._sides = features, outputs
        self._kind = kind
        self._members: dict[ModelSpec, Member] = {}
        self._networks = nn.ModuleList()
        self.shared = nn.ParameterDict()
        widest = max(space.hidden, default=space.model.hidden)
        for model in space.models():
            if model.hidden == widest:
                network = self._network(model, generator)
                for name, weight in _weights(network):
                    place = _place(network, name)
                    if place not in self.shared:
                        self.shared[place] = nn.Parameter(weight.detach().clone())

    def member(self, model: ModelSpec) -> Member:
        """Return one of the networks."""
        if model not in self._members:
            network = self._network(model, None)
            mixtures = self._mixed(model, network)
            for name, weight in _weights(network):  # it takes views of the shared ones instead
                owner, _, own = name.rpartition(".")
                empty = nn.Parameter(torch.empty_like(weight, device="meta"))
                setattr(network.get_submodule(owner), own, empty)
            self._members[model] = Member(network, mixtures)
            self._networks.append(network.train(self.training))
        return self._members[model]

    def forward(
        self,
        model: ModelSpec,
        batch: Batch,
        protected: Sequence[ProtectedRows | None] = (),
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return the scores of one of the networks, differentiable in the shared weights.

        Args:
            model: Which network.
            batch: What it sees.
            protected: Protected nodes of each layer.
            generator: Source of dropout in training.
        """
        member = self.member(model)
        views = {
            name: self.shared[_place(member.network, name)][tuple(map(slice, weight.shape))]
            for name, weight in _weights(member.network)
        }
        given = (batch.x, batch.adjacencies, protected, generator)
        if member.numel:
            scores: Tensor = functional_call(member.network, views, given)
            return scores
        with member.network.recording() as seen:
            scores = functional_call(member.network, views, given)
        for slot, x_hat in seen.items():  # features alone are stored without their zeros
            member.numel[slot] = x_hat.numel() if slot == (0, "input") else math.prod(x_hat.shape)
        return scores

    def bytes_of(
        self, model: ModelSpec, shares: Callable[[Choice], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return a network's expected bytes: of its weights, and of all its activations.

        Args:
            model: Which network; it has been run.
            shares: Probabilities of a choice's options, [options].
        """
        member = self.member(model)
        of_model, of_buffers = torch.zeros(()), torch.zeros(())
        for choice in self.space.choices(model):
            widths = [QuantSpec(bits=int(width)).storage_bits for width in choice.options]
            bytes_each = shares(choice) @ torch.tensor(widths, dtype=torch.float32) / 8
            for (layer, slot), _ in member.mixtures[choice.name]:
                size = bytes_each * member.numel[layer, slot]
                if slot in WEIGHTS:
                    of_model = of_model + size
                else:
                    of_buffers = of_buffers + size
        return of_model, of_buffers

    def _network(self, model: ModelSpec, generator: torch.Generator | None) -> Network:
        spec = self.space.spec(partial(_option, model, None))
        return Network(model.layer_specs(*self._sides), spec.quant, generator)

    def _mixed(self, model: ModelSpec, network: Network) -> Mixtures:
        quants = {
            width: self.space.spec(partial(_option, model, width)).quant
            for width in self.space.widths
        }
        governed = {
            choice: [
                (layer, slot)
                for layer, shape in enumerate(held.spec for held in network.layers)
                for slot, component in shape.slots.items()
                if f"{layer}.{component}" == choice.name
            ]
            for choice in self.space.choices(model)
        }
        options = {
            (layer, slot): [
                network.layers[layer].spec.quant_of(slot, quants[width][layer])
                for width in choice.widths
            ]
            for choice, slots in governed.items()
            for layer, slot in slots
        }
        mixtures = mix(network, options, self._kind)
        return {
            choice.name: [(at, mixtures[at]) for at in slots] for choice, slots in governed.items()
        }


def _option(model: ModelSpec, width: int | None, choice: Choice) -> Option:
    """Return what a choice is for a network, with one width where it may be, else the first."""
    if choice.is_width:
        return width if width in choice.widths else choice.options[0]
    option: Option = getattr(model, choice.name)
    return option


def _weights(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Yield the parameters that are no quantizer's, by name."""
    own = {f"{n}." for n, module in network.named_modules() if isinstance(module, Quantizer)}
    for name, parameter in network.named_parameters():
        if not any(name.startswith(prefix) for prefix in own):
            yield name, parameter


def _place(network: Network, name: str) -> str:
    """Return where a network's parameter lies among the shared ones: operator, layer, name.

    The last layer that learns is the last of every depth.
    """
    _, index, rest = name.split(".", 2)
    learning = [at for at, layer in enumerate(network.layers) if not layer.spec.propagates]
    where = "last" if int(index) == learning[-1] else index
    operator = network.layers[int(index)].spec.operator
    return f"{operator}/{where}/{rest.replace('.', '/')}"


def is_of_first_layer(place: str) -> bool:
    """Return whether a shared parameter is one of the first layer's."""
    return place.split("/")[1] == "0"
