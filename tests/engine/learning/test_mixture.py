"""Mixtures: one option is the fixed quantizer, exactly; shares get the gradient of moving."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.graphs import Graph
from engine.learning.batch import Batch
from engine.learning.mixture import Blend, Mixture, mix
from engine.learning.network import Network
from engine.learning.protection import ProtectedRows
from engine.learning.quantizers import quantizer
from engine.spec import (
    FP32,
    PROPAGATIONS,
    Ema,
    GraphSpec,
    LearnedStep,
    ModelSpec,
    Percentile,
    QuantSpec,
    scheme,
)

SPECS = (
    QuantSpec(bits=8, range=Ema(momentum=0.1)),
    QuantSpec(bits=4, range=Percentile(tail=0.01), gradient="gc"),
    QuantSpec(bits=2, range=Ema(momentum=0.1), signed=False),
)
LONE = (*SPECS, FP32, QuantSpec(bits=3, range=LearnedStep()))


def noise(seed: int) -> Tensor:
    return torch.randn(30, 7, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", [Mixture, Blend])
@pytest.mark.parametrize("spec", LONE)
def test_a_mixture_of_one_is_the_fixed_quantizer(kind: type[Mixture], spec: QuantSpec) -> None:
    fixed, mixture = quantizer(spec), kind([spec])
    shares = torch.ones(1, requires_grad=True)
    rows = ProtectedRows(torch.arange(30) % 3 == 0)
    for step in range(4):
        training = step < 3
        x, y = noise(step).requires_grad_(), noise(step).requires_grad_()
        mixture.choose(0, shares if step % 2 else None)
        fixed.train(training)
        mixture.train(training)
        wanted, got = fixed(x, rows), mixture(y, rows)
        assert torch.equal(wanted, got)
        weight = noise(9)
        (wanted * weight).sum().backward()
        (got * weight).sum().backward()
        assert torch.equal(x.grad, y.grad)  # type: ignore[arg-type]
    held, of_mixture = fixed.qparams(), mixture.qparams()
    assert mixture.spec == spec
    if held is None or of_mixture is None:
        assert held is of_mixture is None
    else:
        assert (held.scale, held.zero) == (of_mixture.scale, of_mixture.zero)


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage", "appnp", "smp"])
def test_a_network_of_lone_mixtures_is_the_network(karate: Graph, operator: Any) -> None:
    steps = 2 if operator in PROPAGATIONS else None
    model = ModelSpec(operator=operator, hidden=8, steps=steps)
    spec = scheme("degree-quant", bits=4, graph=GraphSpec(name="karate"), model=model)
    layers = model.layer_specs(karate.features, karate.outputs)
    batch = Batch.of(karate)
    fixed, mixed = (Network(layers, spec.quant, torch.Generator().manual_seed(0)) for _ in range(2))
    mix(mixed, {slot: [held.spec] for slot, held in fixed.quantizers()})
    for training in (True, True, False):
        made = []
        for network in (fixed, mixed):
            network.train(training)
            generator = torch.Generator().manual_seed(1)
            network.zero_grad()
            scores = network(batch.x, batch.adjacencies, (), generator)
            scores.square().sum().backward()
            grads = [p.grad for p in network.parameters() if p.grad is not None]
            made.append((scores, *grads))
        for wanted, got in zip(*made, strict=True):
            assert torch.equal(wanted, got)
    for slot, params in fixed.qparams().items():
        got_params = mixed.qparams()[slot]
        assert (params is None) == (got_params is None)
        if params is not None and got_params is not None:
            assert (params.scale == got_params.scale).all()


def test_every_range_follows_every_batch() -> None:
    mixture = Mixture(SPECS)
    twins = [quantizer(spec) for spec in SPECS]
    for step, option in enumerate((1, 0, 1)):
        mixture.choose(option)
        x = noise(step)
        x_hats = [twin(x) for twin in twins]
        assert torch.equal(mixture(x), x_hats[option])
    for option, twin in enumerate(twins):
        mixture.choose(option)
        assert mixture.spec == SPECS[option]
        assert mixture.qparams().scale == twin.qparams().scale  # type: ignore[union-attr]


def test_shares_learn_what_moving_to_an_option_would_change() -> None:
    mixture = Mixture(SPECS)
    x, weight = noise(0), noise(1)
    mixture(x)
    mixture.eval()
    shares = torch.tensor([0.2, 0.3, 0.5], requires_grad=True)
    mixture.choose(1, shares)
    x_hat = mixture(x)
    assert torch.equal(x_hat, mixture.options[1](x))
    (x_hat * weight).sum().backward()
    wanted = [((option(x) - x_hat) * weight).sum() for option in mixture.options]
    assert torch.allclose(shares.grad, torch.stack(wanted))  # type: ignore[arg-type]


def test_a_blend_is_the_mean_by_shares() -> None:
    blend = Blend(SPECS)
    twins = [quantizer(spec) for spec in SPECS]
    shares = torch.tensor([0.2, 0.3, 0.5], requires_grad=True)
    blend.choose(2, shares)
    x, weight = noise(0), noise(1)
    parts = [twin(x) for twin in twins]
    x_hat = blend(x)
    assert torch.allclose(x_hat, sum(s * p for s, p in zip(shares, parts, strict=True)))  # type: ignore[arg-type]
    (x_hat * weight).sum().backward()
    wanted = torch.stack([(part * weight).sum() for part in parts])
    assert torch.allclose(shares.grad, wanted)  # type: ignore[arg-type]
    blend.choose(2)
    assert torch.equal(blend.eval()(x), twins[2].eval()(x))


def test_a_mixture_survives_pickle_and_a_state_dict() -> None:
    mixture = Mixture(SPECS)
    mixture.choose(1)
    mixture(noise(0))
    fresh = Mixture(SPECS)
    fresh.load_state_dict(mixture.state_dict())
    fresh.choose(1)
    copies = [pickle.loads(pickle.dumps(mixture)), fresh]
    for copied in copies:
        assert torch.equal(copied.eval()(noise(1)), mixture.eval()(noise(1)))
    fresh.load(mixture.qparams())


def test_nothing_to_choose_from_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one option"):
        Mixture([])
