"""What an epoch is fed with: every training graph once, shuffled, protected by its own degrees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.graphs import Graph, GraphError
from engine.learning.batch import Batch
from engine.learning.feed import MiniBatches, WholeGraph
from engine.learning.protection import DegreeProtection
from engine.spec import Protection


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_whole_graph_is_one_step(karate: Graph) -> None:
    batch, protection = Batch.of(karate), DegreeProtection(karate, Protection(p_max=0.5))
    feed = WholeGraph(batch, protection)
    assert [*feed.steps(generator())] == [(batch, protection)]
    assert feed.judged is batch


@pytest.mark.parametrize(("size", "steps"), [(1, 36), (5, 8), (36, 1), (1000, 1)])
def test_every_training_graph_is_in_one_step(rings: Graph, size: int, steps: int) -> None:
    feed = MiniBatches(rings, Protection(), size)
    batches = [batch for batch, _ in feed.steps(generator())]
    assert len(batches) == steps
    assert all(len(batch.train) == len(batch.y) <= size for batch in batches)
    learned = torch.cat([batch.y for batch in batches])
    assert sorted(learned.tolist()) == sorted(rings.y[rings.train].tolist())
    nodes = sum(batch.x.shape[0] for batch in batches)
    assert nodes == np.diff(rings.starts)[rings.train].sum()
    assert feed.judged.y.tolist() == rings.y[rings.val].tolist()
    assert len(feed.judged.validation) == rings.val.sum()


def test_the_order_is_the_generators(rings: Graph) -> None:
    def order(seed: int) -> list[list[float]]:
        feed = MiniBatches(rings, Protection(), 4)
        return [batch.x[:, 1].tolist() for batch, _ in feed.steps(generator(seed))]

    assert order(0) == order(0) != order(1)
    feed, source = MiniBatches(rings, Protection(), 4), generator()
    first, second = ([b.x[:, 1].tolist() for b, _ in feed.steps(source)] for _ in range(2))
    assert first != second


def test_protection_goes_by_the_degrees_within_a_graph(rings: Graph) -> None:
    """The hub of each small graph is as protected as that of a large one."""
    chords = replace(rings, train=rings.train & (rings.y == 1))
    feed = MiniBatches(chords, Protection(p_min=0, p_max=1), 7)
    for batch, protection in feed.steps(generator()):
        (rows,) = protection.draw(1, generator(1))
        hubs = batch.adjacencies.neighbourhoods.pools[:-1]
        sizes = np.diff(batch.adjacencies.neighbourhoods.pools)
        assert rows is not None
        assert rows.mask[torch.from_numpy(hubs[sizes > 0])].all()
        assert not rows.mask.all()


def test_a_set_without_a_part_is_refused(rings: Graph) -> None:
    nobody = np.zeros_like(rings.train)
    for part in ({"train": nobody}, {"val": nobody}):
        with pytest.raises(GraphError, match="rings has no graphs for training, or none for val"):
            MiniBatches(replace(rings, **part), Protection(), 4)
