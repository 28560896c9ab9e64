"""One-shot searches: with nothing to choose they are a training; with something, they choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.graphs import Graph
from engine.learning.batch import Batch
from engine.learning.feed import feed_of
from engine.learning.network import Network
from engine.learning.training import fit
from engine.search import Choice, SearchSpec, Space
from engine.searching.one_shot import OneShot
from engine.searching.supernet import Supernet
from engine.spec import GraphSpec, ModelSpec, Operator, TrainingSpec

Asked = Callable[..., SearchSpec]
TRAINING = TrainingSpec(epochs=6)


@pytest.mark.parametrize(
    ("operator", "scheme"),
    [*((operator, "degree-quant") for operator in ("gcn", "gat", "gin", "sage")), ("gcn", "smp")],
)
@pytest.mark.parametrize("name", ["lpgnas", "relaxed"])
def test_with_one_width_the_warm_up_is_a_training(
    karate: Graph, asked: Asked, name: str, operator: Operator, scheme: str
) -> None:
    model = ModelSpec(operator=operator, hidden=8)
    graph = GraphSpec(name="karate")
    space = Space(graph=graph, model=model, scheme=scheme, widths=(4,), training=TRAINING)
    losses = [
        step.loss for step in OneShot(asked(name, space=space, warm_up=1.0), karate).warm_up()
    ]
    generator = torch.Generator().manual_seed(0)
    run = space.spec(lambda choice: 4)
    network = Network(model.layer_specs(karate.features, karate.outputs), run.quant, generator)
    feed = feed_of(karate, Batch.of(karate), run.protection, run.training.batch)
    assert losses == [epoch.loss for epoch in fit(network, feed, TRAINING, generator)]


def turned(spec: SearchSpec, graph: Graph, beta: float) -> OneShot:
    one_shot = OneShot(spec, graph)
    for _ in one_shot.warm_up():
        pass
    other = one_shot.fork(1)
    for _ in other.turns(beta):
        pass
    return other


@pytest.mark.parametrize("name", ["lpgnas", "relaxed"])
def test_where_only_size_counts_everything_is_narrow(
    karate: Graph, asked: Asked, name: str
) -> None:
    space = Space(graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=60))
    found = turned(asked(name, space=space), karate, 1e4)
    assert set(space.chosen(found.answer()).values()) == {2}
    assert found.controller.entropy() < 1


def test_where_only_size_counts_the_network_is_small(karate: Graph, asked: Asked) -> None:
    space = Space(
        graph=GraphSpec(name="karate"),
        widths=(4,),
        hidden=(32, 4, 16),
        layers=(3, 2),
        training=TrainingSpec(epochs=120),
    )
    found = turned(asked("lpgnas", space=space, turns=1.0), karate, 1e3).answer()
    assert isinstance(found.model, ModelSpec)
    assert (found.model.hidden, found.model.layers) == (4, 2)


@pytest.mark.parametrize("worse", ["gin", "gcn"])
def test_shapes_follow_the_validation_loss(
    karate: Graph, asked: Asked, monkeypatch: pytest.MonkeyPatch, worse: str
) -> None:
    """Where one operator always answers at random and the other always right."""
    operator = Choice(name="operator", options=("gin", "gcn"))
    space = Space(
        graph=GraphSpec(name="karate"),
        widths=(8,),
        operators=("gin", "gcn"),
        training=TrainingSpec(epochs=60),
    )
    one_shot = OneShot(asked("lpgnas", space=space, turns=1.0), karate)
    right = torch.nn.functional.one_hot(torch.from_numpy(karate.y)).float() * 9

    def answers(_supernet: object, model: ModelSpec, *_: object) -> Tensor:
        return (right * (model.operator != worse)).requires_grad_()

    monkeypatch.setattr(Supernet, "forward", answers)
    monkeypatch.setattr(Supernet, "bytes_of", lambda *_: (torch.zeros(()), torch.zeros(())))
    for _ in one_shot.turns(1.0):
        pass
    assert one_shot.controller.likeliest(operator) != worse


def test_forks_learn_by_themselves(karate: Graph, asked: Asked) -> None:
    one_shot = OneShot(asked("lpgnas"), karate)
    for _ in one_shot.warm_up():
        pass
    before = [weight.detach().clone() for weight in one_shot.supernet.shared.values()]
    logits = [held.detach().clone() for held in one_shot.controller.logits]
    fork = one_shot.fork(1)
    assert [step.step for step in fork.turns(1.0)] == [1]
    for was, weight in zip(before, one_shot.supernet.shared.values(), strict=True):
        assert torch.equal(was, weight)
    for was_logits, held in zip(logits, one_shot.controller.logits, strict=True):
        assert torch.equal(was_logits, held)
    assert any(
        not torch.equal(was, weight)
        for was, weight in zip(before, fork.supernet.shared.values(), strict=True)
    )


@pytest.mark.parametrize("name", ["lpgnas", "relaxed"])
def test_sets_of_graphs_are_learned_from_in_parts(rings: Graph, asked: Asked, name: str) -> None:
    space = Space(
        model=ModelSpec(operator="gin", hidden=8, pool="mean"),
        training=TrainingSpec(epochs=8, batch=16),
    )
    found = turned(asked(name, space=space), rings, 1.0)
    assert space.chosen(found.answer())


def test_what_leaves_the_finite_numbers_is_told(karate: Graph, asked: Asked) -> None:
    space = Space(graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=9))
    one_shot = OneShot(asked("lpgnas", space=space), karate)
    with torch.no_grad():
        next(iter(one_shot.supernet.shared.values())).fill_(float("nan"))
    with pytest.raises(ValueError, match="the search's loss was nan; try a lower learning rate"):
        list(one_shot.warm_up())


def test_steps_are_those_of_the_budget(karate: Graph, asked: Asked) -> None:
    space = Space(graph=GraphSpec(name="karate"), training=TrainingSpec(epochs=10))
    one_shot = OneShot(asked("lpgnas", space=space, warm_up=0.5, turns=0.3), karate)
    assert [(step.step, step.steps) for step in one_shot.warm_up()][-1] == (5, 5)
    steps = list(one_shot.fork(0).turns(1.0))
    assert (len(steps), steps[-1].steps) == (3, 3)
    assert steps[0].entropy > 0
    assert replace(one_shot.answer(), seed=0) == space.spec(lambda choice: 8)
