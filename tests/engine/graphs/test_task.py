"""Whether a network answers what a graph asks."""

from __future__ import annotations

import pytest

from engine.graphs import Graph, check_task
from engine.spec import LayerSpec, ModelSpec, OwnModel, SpecError


def test_networks_that_answer(karate: Graph, rings: Graph) -> None:
    check_task(karate, ModelSpec())
    check_task(rings, ModelSpec(pool="max"))


def test_a_set_wants_a_pool_and_a_graph_wants_none(karate: Graph, rings: Graph) -> None:
    with pytest.raises(SpecError, match=r"model\.pool: got 'none', .*rings is a set of graphs"):
        check_task(rings, ModelSpec())
    with pytest.raises(SpecError, match=r"model\.pool: got 'sum', accepts none: the labels of"):
        check_task(karate, ModelSpec(pool="sum"))


def own(features: int, outputs: int) -> OwnModel:
    layer = LayerSpec(operator="gcn", inputs=features, outputs=outputs)
    return OwnModel(name=f"own:{'0' * 64}", layers=(layer,))


def test_a_persons_own_model_must_fit(karate: Graph, rings: Graph) -> None:
    check_task(karate, own(34, 4))
    with pytest.raises(SpecError, match=r"model\.features: got 5, accepts 34, the features of a"):
        check_task(karate, own(5, 4))
    with pytest.raises(SpecError, match=r"model\.outputs: got 7, accepts 4, .* classes of karate"):
        check_task(karate, own(34, 7))
    with pytest.raises(SpecError, match=r"model\.pool: got 'none', .*rings is a set of graphs"):
        check_task(rings, own(2, 2))
