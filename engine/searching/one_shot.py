"""One-shot searches: weights and choices learned together, in the steps of about one training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.graphs import Graph, measured_part
from engine.learning import objective
from engine.learning.batch import Batch
from engine.learning.batch_norm import BatchNorm
from engine.learning.feed import feed_of
from engine.learning.mixture import Blend, Mixture
from engine.learning.protection import DegreeProtection
from engine.learning.quantizers import groups_with_own_rate
from engine.search import Choice, Lpgnas, Option, Relaxed, SearchSpec
from engine.searching.controller import Controller
from engine.searching.supernet import Supernet, is_of_first_layer
from engine.spec import ModelSpec, RunSpec

FOLLOWS = 0.1
"""Share of the newest step in the moving mean that the score function compares a step with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A step of a one-shot search.

    Args:
        step: Its number, from 1.
        steps: How many there are.
        loss: Training loss of the network that was drawn.
        entropy: Mean entropy of the choices, in bits; 0 when all are made.
    """

    step: int
    steps: int
    loss: float
    entropy: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Path:
    """One option of each choice.

    Args:
        model: The network.
        options: What was chosen of its shape and of its widths, each with its choice.
    """

    model: ModelSpec
    options: tuple[tuple[Choice, Option], ...]


class OneShot:
    """A supernet with its controller on a graph.

    Args:
        spec: The search, by `Lpgnas` or `Relaxed`.
        graph: The graph.

    Raises:
        GraphError: If a set has no graph to learn from, or none to choose by.
    """

    def __init__(self, spec: SearchSpec, graph: Graph) -> None:
        assert isinstance(spec.method, Lpgnas | Relaxed)
        self.spec, self.method, self.space = spec, spec.method, spec.space
        self._generator = torch.Generator().manual_seed(spec.seed)
        self.supernet = Supernet(
            self.space,
            graph.features,
            graph.outputs,
            self._generator,
            Blend if isinstance(spec.method, Relaxed) else Mixture,
        )
        self.controller = Controller(self.space.everything(), self.method.usual)
        usual = self.space.spec(lambda choice: choice.options[0])
        batch = Batch.of(measured_part(graph))
        self._training = usual.training
        self._feed = feed_of(graph, batch, usual.protection, usual.training.batch)
        self._mean: Tensor | None = None

    def warm_up(self) -> Iterator[Step]:
        """Train the weights alone, the choices drawn as they are at first."""
        steps = round(self.method.warm_up * self._training.epochs)
        optimizer = self._weights()
        for step in range(1, steps + 1):
            loss = self._learn(self._draw(noise=1.0), optimizer)
            yield self._told(step, steps, loss)

    def fork(self, seed: int) -> OneShot:
        """Return a copy that learns by itself, with a generator of its own."""
        other = copy(self)
        other.supernet, other.controller = deepcopy((self.supernet, self.controller))
        other._generator = torch.Generator().manual_seed(seed)
        return other

    def turns(self, beta: float) -> Iterator[Step]:
        """Train weights and choices, in turns or, relaxed, together.

        Args:
            beta: Weight of the size.
        """
        steps = round(self.method.turns * self._training.epochs)
        weights = self._weights()
        choices = torch.optim.Adam(self.controller.parameters(), lr=self.method.choice_lr)
        for step in range(1, steps + 1):
            if isinstance(self.method, Relaxed):
                loss = self._learn_both(beta, weights, choices)
                loss = self._learn_both(beta, weights, choices)
            else:
                noise, temperature = self.method.schedule((step - 1) / max(1, steps - 1))
                path = self._draw(noise)
                loss = self._learn(path, weights)
                self._choose(path, beta, noise, temperature, choices)
            yield self._told(step, steps, loss)

    def answer(self) -> RunSpec:
        """Return the run whose every choice is the likeliest option."""
        return self.space.spec(self.controller.likeliest, self.spec.seed)

    def _weights(self) -> torch.optim.Adam:
        """Return an optimizer of the shared weights, with the groups of a training.

        Its rate stays as it is, whatever the schedule of a run: to the last step it is other
        networks that are drawn.
        """
        shared = list(self.supernet.shared.items())
        first = [weight for place, weight in shared if is_of_first_layer(place)]
        rest = [weight for place, weight in shared if not is_of_first_layer(place)]
        groups = [{"params": first, "weight_decay": self._training.weight_decay}]
        groups += [{"params": rest}] if rest else []
        return torch.optim.Adam(groups, lr=self._training.lr)

    def _draw(self, noise: float) -> Path:
        options: list[tuple[Choice, Option]] = []

        def draw(choice: Choice) -> Option:
            option = self.controller.draw(choice, noise, self._generator)
            options.append((choice, option))
            return option

        model = self.space.shape(draw)
        for choice in self.space.choices(model):
            draw(choice)
        return Path(model=model, options=tuple(options))

    def _learn(self, path: Path, optimizer: torch.optim.Adam) -> float:
        """Take one epoch's steps of the weights along a path; return the last loss."""
        self._take(path, {})
        loss = torch.zeros(())
        for batch, protection in self._feed.steps(self._generator):
            self.supernet.train()
            optimizer.zero_grad()
            loss = self._loss(path.model, batch, protection)
            loss.backward()  # type: ignore[no-untyped-call]
            _include(optimizer, self.supernet, path.model)
            optimizer.step()
        return _finite(loss)

    def _choose(
        self,
        path: Path,
        beta: float,
        noise: float,
        temperature: float,
        optimizer: torch.optim.Adam,
    ) -> None:
        """Take a step of the choices, by the validation loss of a path and its expected size."""
        shares = {
            choice.name: self.controller.shares(choice, temperature)
            for choice, _ in path.options
            if choice.is_width
        }
        self._take(path, shares)
        self.supernet.eval()
        for module in self.supernet.modules():  # running statistics of a new network say nothing
            if isinstance(module, BatchNorm):
                module.train()
        judged = self._feed.judged
        scores = self.supernet(path.model, judged)
        loss = objective.loss(scores[judged.validation], judged.y[judged.validation])
        total = loss + beta * self._size(path.model, shares)
        mean = total.detach() if self._mean is None else self._mean
        self._mean = torch.lerp(mean, total.detach(), FOLLOWS)
        chances = [
            self.controller.log_probability(choice, option, noise)
            for choice, option in path.options
            if not choice.is_width
        ]
        aim = total + (total.detach() - mean) * sum(chances, torch.zeros(()))
        self._follow(aim, optimizer)

    def _learn_both(
        self, beta: float, weights: torch.optim.Adam, choices: torch.optim.Adam
    ) -> float:
        """Take one epoch's steps of weights and choices on the training loss; the usual shape."""
        path = Path(
            model=self.space.model,
            options=tuple((c, c.options[0]) for c in self.space.choices(self.space.model)),
        )
        loss = torch.zeros(())
        for batch, protection in self._feed.steps(self._generator):
            shares = {
                choice.name: self.controller.shares(choice, 1.0) for choice, _ in path.options
            }
            self._take(path, shares)
            self.supernet.train()
            weights.zero_grad()
            choices.zero_grad()
            loss = self._loss(path.model, batch, protection)
            aim = loss + beta * self._size(path.model, shares)
            aim.backward()  # type: ignore[no-untyped-call]
            _include(weights, self.supernet, path.model)
            weights.step()
            choices.step()
        return _finite(loss)

    def _loss(self, model: ModelSpec, batch: Batch, protection: DegreeProtection) -> Tensor:
        protected = protection.draw(model.depth, self._generator)
        scores = self.supernet(model, batch, protected, self._generator)
        return objective.loss(scores[batch.train], batch.y[batch.train])

    def _take(self, path: Path, shares: Mapping[str, Tensor]) -> None:
        """Set the mixtures of a path's network."""
        mixtures = self.supernet.member(path.model).mixtures
        for choice, option in path.options:
            for _, mixture in mixtures.get(choice.name, ()):
                mixture.choose(choice.options.index(option), shares.get(choice.name))

    def _follow(self, aim: Tensor, optimizer: torch.optim.Adam) -> None:
        """Take a step of the choices alone."""
        logits = list(self.controller.parameters())
        grads = torch.autograd.grad(aim, logits, allow_unused=True)
        for logit, grad in zip(logits, grads, strict=True):
            logit.grad = grad
        optimizer.step()

    def _size(self, model: ModelSpec, shares: Mapping[str, Tensor]) -> Tensor:
        """Return doublings of the expected bytes, weights' and others' added up.

        Nothing counts as a byte: there is nothing to save of it.
        """
        expected = self.supernet.bytes_of(model, lambda choice: shares[choice.name])
        return torch.stack([size.clamp_min(1).log2() for size in expected]).sum()

    def _told(self, step: int, steps: int, loss: float) -> Step:
        return Step(step=step, steps=steps, loss=loss, entropy=self.controller.entropy())


def _include(optimizer: torch.optim.Adam, supernet: Supernet, model: ModelSpec) -> None:
    """Let an optimizer train what a network's quantizers learn, from its first step on."""
    known = {id(held) for group in optimizer.param_groups for held in group["params"]}
    network = supernet.member(model).network
    for group in (*groups_with_own_rate(network), {"params": network.parameters()}):
        new = [held for held in group["params"] if not held.is_meta and id(held) not in known]
        if new:
            optimizer.add_param_group({**group, "params": new})
            known.update(map(id, new))


def _finite(loss: Tensor) -> float:
    """Return a loss.

    Raises:
        ValueError: If it is not finite.
    """
    if not loss.isfinite():
        raise ValueError(f"the search's loss was {loss.item()}; try a lower learning rate")
    return loss.item()
