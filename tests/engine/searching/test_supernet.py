"""The supernet: each of its networks is an ordinary one, their weights are shared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from engine.graphs import Graph
from engine.learning.batch import Batch
from engine.learning.network import Network
from engine.search import Space
from engine.searching.supernet import Supernet, is_of_first_layer
from engine.spec import ModelSpec
from engine.spec.layer import WEIGHTS

SPACE = Space(
    widths=(8, 2),
    operators=("gcn", "gat", "gin", "sage", "appnp"),
    hidden=(8, 16),
    layers=(2, 3),
    steps=(2,),
    residual=(False, True),
)


@pytest.fixture
def supernet(karate: Graph) -> Supernet:
    generator = torch.Generator().manual_seed(0)
    return Supernet(SPACE, karate.features, karate.outputs, generator)


@pytest.mark.parametrize("model", list(SPACE.models()))
def test_a_member_is_an_ordinary_network_with_views(
    supernet: Supernet, karate: Graph, model: ModelSpec
) -> None:
    batch = Batch.of(karate)
    run = SPACE.spec(lambda c: 8 if c.is_width else getattr(model, c.name))
    alone = Network(model.layer_specs(karate.features, karate.outputs), run.quant)
    last = model.layers - 1
    with torch.no_grad():
        for name, parameter in alone.named_parameters():
            _, layer, rest = name.split(".", 2)
            where = "last" if int(layer) == last else layer
            operator = alone.layers[int(layer)].spec.operator
            shared: Tensor = supernet.shared[f"{operator}/{where}/{rest.replace('.', '/')}"]
            parameter.copy_(shared[tuple(slice(0, size) for size in parameter.shape)])
    for mixtures in supernet.member(model).mixtures.values():
        for _, mixture in mixtures:
            mixture.choose(0)
    for training in (True, True, False):
        alone.train(training)
        supernet.train(training)
        generators = [torch.Generator().manual_seed(1) for _ in range(2)]
        wanted = alone(batch.x, batch.adjacencies, (), generators[0])
        assert torch.equal(supernet(model, batch, (), generators[1]), wanted)


def test_networks_share_what_they_learn(supernet: Supernet, karate: Graph) -> None:
    batch = Batch.of(karate)
    narrow, wide = ModelSpec(hidden=8), ModelSpec(hidden=16, layers=3)
    supernet(narrow, batch).sum().backward()
    weight = supernet.shared["gcn/0/weight"]
    assert weight.grad is not None
    assert (weight.grad[:, 8:] == 0).all()
    assert (weight.grad[:, :8] != 0).any()
    supernet.zero_grad()
    supernet(wide, batch).sum().backward()
    assert (weight.grad[:, 8:] != 0).any()
    assert supernet.shared["gcn/1/weight"].grad is not None
    assert all(parameter.is_meta for parameter in supernet.member(wide).network.parameters())


def test_bytes_are_those_of_the_slots_by_their_shares(supernet: Supernet, karate: Graph) -> None:
    model = ModelSpec(hidden=16)
    supernet(model, Batch.of(karate))

    def sizes(chance: float) -> list[float]:
        shares = torch.tensor([1 - chance, chance], dtype=torch.float32)
        return [float(size) for size in supernet.bytes_of(model, lambda choice: shares)]

    features, classes, nodes = karate.features, karate.outputs, karate.nodes
    weights = features * 16 + 16 * classes
    entries = karate.x.nnz if hasattr(karate.x, "nnz") else karate.x.size
    others = entries + nodes * (1 + 5 * 16) + nodes * (1 + 3 * classes)
    # the input of the second layer is held beside the output of the first
    assert sizes(0) == pytest.approx([weights, others])
    assert sizes(1) == pytest.approx([weights / 4, others / 4])
    assert sizes(0.5) == pytest.approx([weights * 5 / 8, others * 5 / 8])


def test_every_choice_governs_the_slots_of_its_component(supernet: Supernet) -> None:
    for model in SPACE.models():
        member = supernet.member(model)
        governed = [slot for held in member.mixtures.values() for slot, _ in held]
        free = [slot for slot, q in member.network.quantizers() if slot not in governed]
        assert free == [(model.depth - 1, "output")]
        assert len(governed) == len(set(governed))
        assert {slot for _, slot in governed} & set(WEIGHTS)
        for choice in SPACE.choices(model):
            for (layer, slot), mixture in member.mixtures[choice.name]:
                spec = member.network.layers[layer].spec
                assert choice.name == f"{layer}.{spec.slots[slot]}"
                assert [option.spec.bits for option in mixture.options] == [8, 2]
                assert {option.spec.signed for option in mixture.options} == {
                    mixture.options[0].spec.signed
                }


def test_the_first_layer_is_known() -> None:
    assert is_of_first_layer("gcn/0/weight")
    assert not is_of_first_layer("gcn/1/bias")
    assert not is_of_first_layer("gat/last/norm/0")
